"""Finding a vendor's adapter by its name, package.module:Name."""

import sys
from importlib import import_module
from pathlib import Path

from heard.pos.adapter import AdapterError, check_adapter, what_was_raised


def load_adapter(target: str) -> object:
    """The instance that a target names; a class or a function is called. Raises AdapterError in one line."""
    module_name, _, name = target.partition(":")
    if not module_name or not name or module_name.startswith(".") or "/" in module_name:
        raise AdapterError(f"{target!r} must name a module and what is in it, such as bistro:Bistro")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = import_module(module_name)
    except Exception as error:  # whatever a module raises while it is imported - its author is to mend it
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module_name}.".startswith(f"{missing}."):
            raise AdapterError(f"{target}: there is no module {missing!r} in {here} or installed") from None
        raise AdapterError(f"{target}: {module_name} cannot be imported: {what_was_raised(error)}") from error
    adapter = getattr(found, name, None)
    if adapter is None:
        raise AdapterError(f"{target}: {module_name} has no {name!r}")
    if isinstance(adapter, type) or (callable(adapter) and not hasattr(adapter, "place")):
        try:
            adapter = adapter()
        except Exception as error:  # and whatever making one raises - the same
            raise AdapterError(f"{target}: {name}() failed: {what_was_raised(error)}") from error
    check_adapter(adapter)
    return adapter
