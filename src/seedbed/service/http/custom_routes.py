"""The routes that a project writes itself, in routes.py beside its schema."""

from fastapi import APIRouter

from seedbed.errors import InvalidRoutesModule
from seedbed.schema.loader import import_from_root
from seedbed.settings import Project

_MODULE = "routes"


def own_router(project: Project) -> APIRouter | None:
    """The `router` in the project's routes.py, or in a package of that name; None where there is neither.

    Raises:
        InvalidRoutesModule: the module has no router.
        SchemaImportFailure: it raised while it was imported.
    """
    places = (project.root / f"{_MODULE}.py", project.root / _MODULE / "__init__.py")
    if not any(place.is_file() for place in places):
        return None
    router = getattr(import_from_root(project, _MODULE), "router", None)
    if not isinstance(router, APIRouter):
        raise InvalidRoutesModule(_MODULE)
    return router
