"""Styles that a prompt names itself: `<lora:ink:0.8>` and `embedding:charm`."""

import re
from dataclasses import dataclass

TAG = re.compile(r"(?<!\s)\s*<(?:lora|lyco):(?P<name>[^<>:]+)(?P<rest>(?::[^<>:]*)*)>")
LOOSE_TAG = re.compile(r"(?<!\s)\s*<\s*(?:lora|lyco|hypernet)\s*:[^<>]*>", re.IGNORECASE)
EMBEDDING = re.compile(r"\bembedding:(?P<name>(?:[\w.~-]*/)*(?:[\w-][\w.-]*[\w-]|[\w-]))")
NUMBER = re.compile(r"\s*(-?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20}))\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStyles:
    """A prompt without the names of styles, and these as `--style` takes them."""

    prompt: str
    loras: tuple[str, ...]
    embeddings: tuple[str, ...]
    """Names or files of embeddings; the prompt has them as plain words."""


def prompt_styles(prompt: str) -> PromptStyles:
    """Take the styles out of a prompt; raises ValueError for a tag that cannot be read.

    >>> prompt_styles("a castle <lora:ink:0.8>, embedding:charm")
    PromptStyles(prompt='a castle, charm', loras=('ink:0.8',), embeddings=('charm',))
    """
    loras = tuple(_style(tag) for tag in TAG.finditer(prompt))
    without = TAG.sub("", prompt).strip() if loras else prompt
    embeddings = tuple(dict.fromkeys(found["name"] for found in EMBEDDING.finditer(without)))
    return PromptStyles(prompt=EMBEDDING.sub(r"\g<name>", without), loras=loras, embeddings=embeddings)


def without_styles(prompt: str) -> str:
    """Take the names of styles out of a prompt that nobody typed, whether they can be read or not.

    >>> without_styles("a castle <lora:/tmp/ink.safetensors:a:b> at dawn, embedding:charm")
    'a castle at dawn, charm'
    """
    return EMBEDDING.sub(r"\g<name>", LOOSE_TAG.sub("", prompt))


def _style(tag: re.Match[str]) -> str:
    """Write a tag as a style: NAME:WEIGHT, with block weights where text encoder and UNet differ.

    In A1111 the first number is the text encoder's weight and a second one the UNet's; both can be named `te=` and `unet=`.
    """
    values = [value for value in tag["rest"].split(":")[1:] if value.strip()]
    named = dict(value.split("=", 1) for value in values if "=" in value)
    plain = [value for value in values if "=" not in value]
    numbers = [NUMBER.fullmatch(value) for value in (*plain, *named.values())]
    if len(plain) > 2 or named.keys() - {"te", "unet"} or not all(numbers):
        raise ValueError(f"{tag[0].strip()} cannot be read: write <lora:NAME:WEIGHT>, or <lora:NAME:TEXT:UNET> for two weights")
    text = float(named.get("te", plain[0] if plain else 1))
    unet = float(named.get("unet", plain[1] if len(plain) > 1 else text))
    blocks = "" if text == unet else f":text={text:g}:unet={unet:g}"
    return f"{tag['name'].strip()}:{1 if blocks else text:g}{blocks}"
