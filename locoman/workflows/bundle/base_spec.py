"""What a bundle says of its base, checked: its fingerprint, its spec with chat template and licences."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from locoman.catalog.bundle import Bundle, BundledBase
from locoman.catalog.spec import BaseSpec, read_spec
from locoman.errors import BadDelivery, InvalidName, WrongBase

if TYPE_CHECKING:
    from locoman.weights.fingerprint import Fingerprint

_LICENCE = re.compile(r"base/[^/]+/(LICEN[SC]E|NOTICE)[\w.-]{0,40}")


def check_same(bundle: Bundle, base: BundledBase, fingerprint: str, what: str) -> None:
    """Returns when the bundle's base is the model of that `fingerprint`, which is `what`. Raises WrongBase, BadDelivery."""
    from locoman.weights.fingerprint import Fingerprint, compare

    if not compare(claimed(bundle, base), Fingerprint.parse(fingerprint)).same_model:
        raise WrongBase("the bundle", base.name, f"the {base.name} in it is another model than {what}")


def claimed(bundle: Bundle, base: BundledBase) -> Fingerprint:
    """The fingerprint that the bundle's list tells. Raises BadDelivery."""
    from locoman.weights.fingerprint import Fingerprint

    try:
        return Fingerprint.parse(base.fingerprint)
    except InvalidName as error:
        raise BadDelivery(bundle.path, str(error).rstrip(".")) from error


def unpack_spec(bundle: Bundle, base: BundledBase, folder: Path) -> BaseSpec:
    """The spec, its chat template and its licences, below `folder`; nothing else is taken, whatever the bundle holds."""
    bundle.extract(base.spec, folder / f"{base.name}.toml")
    spec = read_spec(folder / f"{base.name}.toml")
    template = spec.spec.template.chat
    if not template.startswith(f"{base.name}/"):
        raise BadDelivery(bundle.path, f"its chat template {template[:80]!r} is not in the folder {base.name}")
    licences = [file.name for file in bundle.below(f"base/{base.name}") if _LICENCE.fullmatch(file.name)]
    for name in (f"base/{template}", *licences):
        bundle.extract(name, folder / PurePosixPath(name.removeprefix("base/")))
    spec.chat_template()
    return spec
