"""What the warehouse computes: one module, one family, one dataset; a new module is found by itself."""

from importlib import import_module
from pkgutil import iter_modules

from warehouse.catalog import CATALOG

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")

__all__ = ["CATALOG"]
