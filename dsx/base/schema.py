"""Typed, frozen objects from YAML and JSON: the one place where outside data is checked.

Every definition of dsx (space, architecture, recipe, experiment) is a `Frozen` class. Unknown
keys fail with a near miss, and each failure is one line: where, found value, rule.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from dsx.base.errors import DefinitionError, one_of, suggest

T = TypeVar("T", bound="Frozen")

Count = Annotated[StrictInt, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]  # of a definition, or of a folder: an empty one would be the current folder

# pydantic's error types, in the words that dsx uses for a rule
_RULES = {
    "int_type": "expected an integer",
    "int_from_float": "expected an integer",
    "int_parsing": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "string_type": "expected text",
    "string_too_short": "expected a text that is not empty",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
    "missing": "is required",
    "too_short": "expected at least one entry",
    "frozen_instance": "cannot be changed",
}
_COMPARISONS = {
    "greater_than_equal": ("ge", "≥"),
    "greater_than": ("gt", ">"),
    "less_than_equal": ("le", "≤"),
    "less_than": ("lt", "<"),
}


class _OneLineErrors(type(BaseModel)):  # type: ignore[misc]  # its name is private to pydantic
    """Construction in Python fails as reading a file does; nested objects are checked by pydantic as one whole."""

    def __call__(cls, *args: Any, **fields: Any) -> Any:
        try:
            return super().__call__(*args, **fields)
        except ValidationError as error:
            raise DefinitionError(_describe(error, cast("type[BaseModel]", cls), cls.__name__, fields)) from None


_CHECKED_IN_ONE_LINE: Any = _OneLineErrors


class Frozen(BaseModel, metaclass=_CHECKED_IN_ONE_LINE):  # type: ignore[metaclass]
    """Base of every definition: immutable, hashable, no unknown keys, checked when made.

    Raises DefinitionError (not pydantic's error) when a field breaks its rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __eq__(self, other: object) -> bool:
        # by fields alone: what an object has computed and kept beside them is no part of it
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in type(self).model_fields
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and strings, as YAML and JSON hold them."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls: type[T], data: object, where: str = "") -> T:
        """Check `data` and build the object; `where` (a file name) opens the error's line."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise DefinitionError(_describe(error, cls, where or cls.__name__, data)) from None


def _describe(error: ValidationError, cls: type[BaseModel], where: str, data: object) -> str:
    """The first failure as `where: key = value: rule`, with how many more there are."""
    failures = error.errors(include_url=False)
    # a list whose entries all failed counts as too short besides, which says nothing new
    failures = [f for f in failures if f["type"] != "too_short"] or failures
    # an unknown key explains a missing one (a misspelling), so it is named first
    first = next((f for f in failures if f["type"] == "extra_forbidden"), failures[0])
    # every member of a union fails by itself; to the reader that is one failure
    places = {tuple(_written_path(f["loc"], data, f["type"] in ("missing", "extra_forbidden"))) for f in failures}
    more = f" ({len(places) - 1} more)" if len(places) > 1 else ""
    path = _written_path(first["loc"], data, named=first["type"] in ("missing", "extra_forbidden"))
    key = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
    kind, context = first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(first["loc"][-1])
        parent = f" in {key.rpartition('.')[0]}" if "." in key else ""
        return f"{where}: unknown key '{name}'{parent}.{suggest(name, _fields_at(cls, first['loc'][:-1]))}{more}"
    if kind == "missing":
        return f"{where}: {key} is required{more}"
    if kind == "value_error":
        text = str(context["error"])
        if text.startswith(f"{key}."):
            return f"{where}: {text}{more}"  # the message says itself which entry it is
        shown = "" if isinstance(first["input"], (dict, BaseModel)) else f" = {_show(first['input'])}"
        return f"{where}: {key}{shown}: {text}{more}" if key else f"{where}: {text}{more}"
    if kind in _COMPARISONS:
        bound, sign = _COMPARISONS[kind]
        rule = f"expected a value {sign} {context[bound]}"
    elif kind == "literal_error":
        options = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        near = suggest(str(first["input"]), options)
        rule = f"expected one of {', '.join(options)}{'.' if near else ''}{near}"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        options = [o.strip(" '") for o in context.get("expected_tags", "").split(",") if o.strip()]
        tag = context.get("tag")
        discriminator = context["discriminator"].strip("'")
        if tag is None:
            return f"{where}: {key}.{discriminator} is required{more}"
        rule = one_of(tag, options)
        return f"{where}: {key}.{discriminator} = {tag!r}: {rule}{more}"
    elif kind == "int_type" and any(f["type"] == "float_type" and f["input"] is first["input"] for f in failures):
        rule = _RULES["float_type"]
    else:
        rule = _RULES.get(kind, first["msg"][:1].lower() + first["msg"][1:])
    if not key:
        return f"{where}: {rule}, found {_show(first['input'])}{more}"
    return f"{where}: {key} = {_show(first['input'])}: {rule}{more}"


def _written_path(location: tuple[int | str, ...], data: object, named: bool) -> list[int | str]:
    """The parts of pydantic's location that the reader wrote: it adds the tags and types of unions.

    named: the last part is a key that is missing, or one that is not in the data's type.
    """
    path: list[int | str] = []
    for part in location:
        if isinstance(data, dict) and part in data:
            path.append(part)
            data = data[part]
        elif isinstance(data, (list, tuple)) and isinstance(part, int):
            path.append(part)
            data = data[part] if part < len(data) else None
    if named and path[-1:] != [location[-1]]:
        path.append(location[-1])
    return path


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _fields_at(cls: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the fields of the model that sits at `path` below `cls`; empty if it can't be told."""
    from typing import get_args

    def models_in(annotation: object) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [m for part in get_args(annotation) for m in models_in(part)]

    candidates: list[type[BaseModel]] = [cls]
    for part in path:
        if isinstance(part, int):
            continue
        deeper = [m for c in candidates if part in c.model_fields for m in models_in(c.model_fields[part].annotation)]
        candidates = deeper or candidates  # a mapping's own key or a union's tag: stay
    return [name for c in candidates for name in c.model_fields]
