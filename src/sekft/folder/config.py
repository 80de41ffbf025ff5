"""A stage's settings: the fields of its Config, which are its keyword arguments and its flags, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import copy
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError
from pydantic.config import JsonDict

from sekft.errors import UsageError
from sekft.scenario import Frozen

Setting = str | int | float | bool | None | list[str]


def option(
    default: Any,
    help_text: str,
    *,
    flag: str = "",
    metavar: str = "",
    recorded: bool = True,
    grows: bool = False,
    **constraints: Any,
) -> Any:
    """A field of a Config: its default, the help of its flag, and what a folder remembers of it.

    flag:        its spellings, with spaces between, where they are not the field's name.
    metavar:     what the help calls its value; "" names it by its type.
    recorded:    whether a folder is made with it, so that another value is refused on resume.
    grows:       whether a folder may be resumed with a larger value.
    constraints: pydantic's, as in `ge=1`.
    """
    extra: JsonDict = {"flag": flag, "metavar": metavar, "recorded": recorded, "grows": grows}
    return Field(default, description=help_text, json_schema_extra=extra, **constraints)


def same_option(config: type[Config], field: str, default: Any, **changes: Any) -> Any:
    """The option of another config, with a default of its own.

    changes: to recorded, grows or heading; `help_text` replaces the help.
    """
    info = copy(config.model_fields[field])
    extra = info.json_schema_extra
    info.description = changes.pop("help_text", info.description)
    info.default, info.json_schema_extra = default, {**(extra if isinstance(extra, dict) else {}), **changes}
    return info


class Config(Frozen):
    """What one stage is asked. The fields are keyword arguments, flags, help texts and the record in `.sekft/`."""

    heading: ClassVar[str] = "Options"
    """The group of its own fields in the help."""

    @classmethod
    def of(cls, config: Config | None = None, /, **values: Any) -> Self:
        """A config with these values; what is None or missing is as in `config`, or the default.

        Raises UsageError naming the flag.
        """
        if unknown := values.keys() - cls.model_fields.keys():
            raise UsageError(f"{cls.__name__}: no option {min(unknown)!r}; options: {', '.join(cls.model_fields)}")
        try:
            given = dict(config) if config else {}
            return cls(**given | {name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            raise UsageError(_refusal(cls, error)) from error

    @classmethod
    def flags(cls, field: str) -> list[str]:
        return str(cls._extra(field)["flag"]).split() or [f"--{field.replace('_', '-')}"]

    @classmethod
    def metavar(cls, field: str) -> str:
        return str(cls._extra(field)["metavar"])

    @classmethod
    def heading_of(cls, field: str) -> str:
        """The heading that the field names, or that of the class that declares it."""
        if heading := cls._extra(field).get("heading"):
            return str(heading)
        classes = (each for each in cls.__mro__ if issubclass(each, Config))
        return next(each.heading for each in classes if field in each.__annotations__)

    @classmethod
    def growing(cls) -> frozenset[str]:
        """The recorded fields that may be larger when a folder is resumed."""
        return frozenset(name for name in cls.model_fields if cls._extra(name)["grows"])

    def refuse_inapplicable(self, flag: str, name: str, options: Mapping[str, Collection[str]], usual: Config) -> None:
        """Raises UsageError for an option that was given and that only other members of a family have.

        flag:    chooses a member: "--author".
        name:    the chosen one; one that is not in `options` has them all.
        options: the fields that each member has beside those of every member.
        usual:   whose values count as not given.
        """
        for field in type(self).model_fields if name in options else ():
            takers = [member for member, fields in options.items() if field in fields]
            if takers and name not in takers and getattr(self, field) != getattr(usual, field):
                raise UsageError(f"{self.flags(field)[0]}: is not for {flag} {name}; it is for {', '.join(takers)}")

    def recorded(self) -> dict[str, Setting]:
        """The fields that a folder is made with."""
        body = self.model_dump(mode="json")
        return {name: body[name] for name in type(self).model_fields if self._extra(name)["recorded"]}

    @classmethod
    def _extra(cls, field: str) -> dict[str, Any]:
        extra = cls.model_fields[field].json_schema_extra
        return extra if isinstance(extra, dict) else {"flag": "", "metavar": "", "recorded": True, "grows": False}


def _refusal(config: type[Config], error: ValidationError) -> str:
    """The first fault as a sentence: the flag, the value seen, the value wanted."""
    fault = error.errors()[0]
    message, context = fault["msg"], fault.get("ctx", {})
    if fault["type"] == "literal_error":
        message = f"want {context['expected'].replace(chr(39), '')}"
    if fault["type"] == "tuple_type":
        message = "want a list"
    if callable(fault["input"]):
        message += "; `sekft.play` takes a function that acts"
    return f"{config.flags(str(fault['loc'][0]))[0]} {fault['input']}: {message}"
