"""Finding a vendor's adapter by its name, package.module:Name."""

import sys
from importlib import import_module
from pathlib import Path

from heard.pos.adapter import AdapterError, check_adapter


def load_adapter(target: str) -> object:
    """The instance that a target names; a class or a function is called. Raises AdapterError in one line."""
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise AdapterError(f"{target!r} must name a module and what is in it, such as bistro:Bistro")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = import_module(module_name)
    except ModuleNotFoundError as error:
        raise AdapterError(f"{target}: there is no module {error.name!r} here or installed") from None
    adapter = getattr(found, name, None)
    if adapter is None:
        raise AdapterError(f"{target}: {module_name} has no {name!r}")
    if isinstance(adapter, type) or (callable(adapter) and not hasattr(adapter, "place")):
        adapter = adapter()
    check_adapter(adapter)
    return adapter
