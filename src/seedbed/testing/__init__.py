"""Test a project with pytest: migrated and seeded databases, a client of its service, and ready-made checks.

The plugin `seedbed.testing.plugin` is loaded through an entry point, so a test only requests its fixtures:

- `db`, `async_db`, `module_db`, `class_db`: sessions whose changes are rolled back.
- `db_engine`, `db_url`, `empty_db`: a database of the test's own.
- `make`, `seeded`: functions that create rows. `assert_queries`: a check of the number of statements.
- `client`: a test client of the project's service.
- `seedbed_server`, `seedbed_proc`, `seedbed_project`, `seedbed_run`: the resources of the run.

The marker `@pytest.mark.db` chooses another database or other seeds. The options `--seedbed-url`, `--seedbed-keep` and
`--seedbed-psql` choose the server, and keep and open the databases of failed tests.

`from seedbed.testing.checks import *` in a test module adds checks of the history, the models and the seeds. No other
module of this package is public.
"""
