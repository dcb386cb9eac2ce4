"""Constructors that are inherited, but named after the class that is constructed."""

from __future__ import annotations

import types
from typing import Any


class Named:
    """A base of private bases: each class inside it gets a constructor of its own name.

    Python's TypeErrors name the function that was called. Of a constructor that several classes
    share it would be that of their private base, ``_Dropout.__init__() got an unexpected …``.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        shared = cls.__init__
        own = types.FunctionType(
            shared.__code__,
            shared.__globals__,
            "__init__",
            shared.__defaults__,
            shared.__closure__,
        )
        own.__kwdefaults__, own.__annotations__ = shared.__kwdefaults__, shared.__annotations__
        own.__doc__, own.__module__ = shared.__doc__, cls.__module__
        own.__qualname__ = f"{cls.__qualname__}.__init__"
        cls.__init__ = own  # type: ignore[method-assign]
