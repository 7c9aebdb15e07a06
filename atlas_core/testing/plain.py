"""Whether a fitted object can be written to a file and read again without running code. Light.

What a fit returns is kept with a run and opened on another machine. A closure or a lambda has no
name by which it could be found there, and pickling one stores code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_ATOMS = (type(None), bool, int, float, complex, str, bytes, np.generic)
_CODE = (FunctionType, MethodType, BuiltinFunctionType, ModuleType, type)


def not_plain(value: Any, where: str) -> str:
    """Return what of ``value`` is no plain data, and where; "" where everything is.

    Plain are numbers, texts, arrays, containers of them, estimators of scikit-learn, and objects
    of module-level classes whose attributes are plain.

    Args:
        value: a fitted object.
        where: its name in the answer.
    """
    if isinstance(value, _ATOMS) or hasattr(value, "get_params"):
        return ""
    if isinstance(value, np.ndarray):
        return f"{where} is an array of Python objects" if value.dtype.hasobject else ""
    if isinstance(value, Mapping):
        parts = {f"{where}[{key!r}]": content for key, content in value.items()}
    elif isinstance(value, tuple | list | set | frozenset):
        parts = {f"{where}[{i}]": content for i, content in enumerate(value)}
    elif isinstance(value, _CODE):
        return f"{where} is code ({getattr(value, '__qualname__', value)}), not data"
    elif "<locals>" in type(value).__qualname__:
        return f"{where} is of the class {type(value).__qualname__}, which is made in a function"
    elif hasattr(value, "__dict__"):
        parts = {f"{where}.{name}": content for name, content in vars(value).items()}
    else:
        return f"{where} is a {type(value).__qualname__}, whose content cannot be listed"
    return next((found for name, part in parts.items() if (found := not_plain(part, name))), "")
