"""Every error that Seedbed raises on purpose: a code, a fact and a next step.

    SeedbedError
    |- ProjectError      SB1xx  the project's directory, settings, schema module and installed packages
    |- MigrationError    SB2xx  revisions: their history, drafting and applying
    |- ServerError       SB3xx  PostgreSQL servers, connections, and what a database allows
    |- SeedError         SB4xx  seeds: their files, plans and rows, and masking
    |- BranchError       SB5xx  branches of a database, and previews
    |- ServiceError      SB6xx  the read service
    `- TestingError      SB7xx  databases for tests

A message never contains a password: addresses come from `DatabaseUrl.masked`.
"""

from seedbed.errors.base import (
    BranchError,
    MigrationError,
    ProjectError,
    SeedbedError,
    SeedError,
    ServerError,
    ServiceError,
    TestingError,
)
from seedbed.errors.branching.branches import (
    BranchCopyFailure,
    BranchExists,
    BranchLockTimeout,
    BranchNotFound,
    BranchNotReady,
    InvalidBranchName,
    InvalidExpiry,
    InvalidPullRequestList,
    NoBranchProvider,
    NotABranch,
    NotAPreview,
    NotInGitHubActions,
    ParentInUse,
    PreviewSchemaMismatch,
    ProtectedPreviewBase,
    SealedBranch,
    UnmaskedProductionCopy,
)
from seedbed.errors.branching.neon import (
    AmbiguousNeonDatabase,
    ExpiringNeonParent,
    NeonAuthenticationFailure,
    NeonBranchHasChildren,
    NeonBranchLimitReached,
    NeonEndpointMismatch,
    NeonNotConfigured,
    NeonOperationFailure,
    NeonOverloaded,
    NeonProjectLocked,
    NeonProjectNotFound,
    NeonRequestRejected,
    NeonUnreachable,
    UnownedNeonBranch,
)
from seedbed.errors.database import (
    AuthenticationFailure,
    DatabaseNotFound,
    DatabaseUnreachable,
    EnvironmentMismatch,
    MissingConfirmation,
    MissingPrivilege,
    PooledConnection,
    ProtectedEnvironment,
    ReadOnlyDatabase,
    UnmarkedDatabase,
)
from seedbed.errors.migrations.applying import (
    DatabaseNotAtHead,
    DefaultSchemaMismatch,
    EnvPyFailure,
    ExtensionUnavailable,
    HazardsNotAllowed,
    MigrationLockTimeout,
    MixedTransactionRevision,
    ObjectNameConflict,
    PendingProductionRevisions,
    ProductionNotConfirmed,
    RehearsalCopyFailure,
    RevisionFailure,
    TableLockTimeout,
    UnsupportedEnvPy,
)
from seedbed.errors.migrations.downgrading import (
    DowngradeFailure,
    IrreversibleRevision,
    NoDowngradePath,
)
from seedbed.errors.migrations.drafting import (
    DraftCancelled,
    DraftProofFailure,
    NonSchemaStatement,
    PostWriteHookFailure,
    UndraftedModelChanges,
    UnknownTypeConversion,
    UnregisteredTableDrop,
    UnsupportedChange,
    UnsupportedDifference,
)
from seedbed.errors.migrations.hints import (
    AmbiguousRename,
    AmbiguousSwap,
    InvalidHint,
    MissingBackfill,
    UnmatchedRename,
    UnusedDraftOption,
)
from seedbed.errors.migrations.history import (
    BaselineRefused,
    EditedAppliedRevision,
    EditedRevision,
    InvalidRevisionFile,
    MissingRevisionFile,
    MultipleHeads,
    RevisionNotAHead,
    RevisionNotFound,
    RevisionNotReversible,
    SchemaDrift,
    UnknownDatabaseRevision,
)
from seedbed.errors.project import (
    ExistingProjectFiles,
    ExtraMissing,
    FileChangesNotConfirmed,
    FileWriteFailure,
    InvalidProjectConfig,
    MergeConflictMarkers,
    MultipleMigrationHistories,
    NoServableTables,
    ProjectDirectoryNotWritable,
    ProjectNotFound,
    SchemaBuildFailure,
    SchemaImportFailure,
    SchemaShadowed,
    SchemaWithoutTables,
)
from seedbed.errors.seeding.loading import (
    AppendConflict,
    DaskUnreachable,
    ExtensionNotCreated,
    LoadFailure,
    MissingTables,
    ReferencedRows,
    RejectedRows,
    RowSecurityActive,
    SeedLockMismatch,
    TablesNotEmpty,
    UnsatisfiedCheck,
    UnseededRows,
)
from seedbed.errors.seeding.masking import (
    ConflictingMaskingOptions,
    EmptiedTableReferenced,
    ExposedOriginalValues,
    InvalidEmptyTarget,
    NoPersonalColumns,
    PersonalForeignTable,
    RejectedMaskedValues,
    StaleStatistics,
    UnknownMaskingTarget,
    UnknownPersonalDataKind,
    UnmarkedPersonalColumns,
    UnmarkedSourceColumns,
    UnmodeledData,
)
from seedbed.errors.seeding.planning import (
    ColumnTooShort,
    CyclicReference,
    InvalidSeedsFile,
    MissingSeedDigest,
    NoGenerator,
    NullNotAllowed,
    OutdatedSeedLock,
    ParentNotPlanned,
    ProviderExhausted,
    SeedsFileNotFound,
    TooFewUniqueValues,
    UnsatisfiablePattern,
    UnsupportedInheritance,
    UnsupportedUniqueConstraint,
)
from seedbed.errors.server import (
    DataDirectoryNotWritable,
    DataDirectoryVersionMismatch,
    NoEmbeddedServer,
    NoShadowServer,
    NoUnprivilegedAccount,
    PostgresBinariesNotFound,
    PsqlNotFound,
    ServerStartFailure,
    UnsupportedServerVersion,
)
from seedbed.errors.service import (
    DatabaseUnavailable,
    InvalidCursor,
    InvalidQuery,
    InvalidToken,
    MalformedRequest,
    MethodNotAllowed,
    MissingReadPrivilege,
    NoLinkedRow,
    OutdatedSchema,
    PathNotFound,
    PoolExhausted,
    QueryTimeout,
    RowNotFound,
    RowSerializationFailure,
    UrlTooLong,
)
from seedbed.errors.service_startup import (
    AuthenticationNotConfigured,
    DuplicateAlias,
    InvalidReaderRole,
    InvalidRoutesModule,
    InvalidTokenHash,
    ListenFailure,
    PortInUse,
    UnsupportedSerializer,
)
from seedbed.errors.settings import (
    DatabaseNotConfigured,
    InsecureConnection,
    InvalidDatabaseUrl,
    InvalidEnvFile,
    InvalidSetting,
    UnknownEnvironment,
    UnknownSetting,
)
from seedbed.errors.testing import (
    InvalidDbMarker,
    KeptOnExternalServer,
    LostSetupRows,
    NoKeptDatabase,
    RowCreationFailure,
    TemplateLockTimeout,
    TransactionEnded,
    WorkerWithoutServer,
)
