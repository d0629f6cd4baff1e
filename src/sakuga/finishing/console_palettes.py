"""Palettes of old consoles and computers.

Many outputs were analog, so the source of the values is named.
"""

from collections.abc import Mapping

import numpy as np

from sakuga.finishing.image import Palette


def _colors(text: str) -> Palette:
    """Parse hexadecimal RGB values."""
    return np.array([tuple(bytes.fromhex(color)) for color in text.split()], np.uint8)


PALETTES: Mapping[str, Palette] = {
    # Nintendo Game Boy (DMG), its four greens as emulators have long shown them.
    "gameboy": _colors("0F380F 306230 8BAC0F 9BBC0F"),
    # Game Boy Pocket: four even greys.
    "grey": _colors("000000 555555 AAAAAA FFFFFF"),
    # Nintendo Entertainment System, PPU 2C02: the 54 colors of the NESdev wiki, "PPU palettes".
    "nes": _colors(
        """
        626262 001FB2 2404C8 5200B2 730076 800024 730B00 522800 244400 005700 005C00 005324 003C76 000000
        ABABAB 0D57FF 4B30FF 8A13FF BC08D6 D21269 C72E00 9D5400 607B00 209800 00A300 009942 007DB4
        FFFFFF 53AEFF 9085FF D365FF FF57FF FF5DCF FF7757 FA9E00 BDC700 7AE700 43F611 26EF7E 2CD5F6 4E4E4E
        B6E1FF CED1FF E9C3FF FFBCFF FFBDF4 FFC6C3 FFD59A E9E681 CEF481 B6FB9A A9FAC3 A9F0F4 B8B8B8
        """
    ),
    # Commodore 64, VIC-II: P. Timmermann ("Pepto"), Calculating the color palette of the VIC II, 2001.
    "c64": _colors("000000 FFFFFF 68372B 70A4B2 6F3D86 588D43 352879 B8C76F 6F4F25 433900 9A6759 444444 6C6C6C 9AD284 6C5EB5 959595"),
    # PICO-8, the sixteen colors of its manual.
    "pico-8": _colors("000000 1D2B53 7E2553 008751 AB5236 5F574F C2C3C7 FFF1E8 FF004D FFA300 FFEC27 00E436 29ADFF 83769C FF77A8 FFCCAA"),
    # IBM Color Graphics Adapter: RGBI, with the brown of the IBM 5153 display.
    "cga": _colors("000000 0000AA 00AA00 00AAAA AA0000 AA00AA AA5500 AAAAAA 555555 5555FF 55FF55 55FFFF FF5555 FF55FF FFFF55 FFFFFF"),
    # The same card's four colors of its 320 by 200 mode, palette 1 at high intensity.
    "cga-4": _colors("000000 55FFFF FF55FF FFFFFF"),
    # Sinclair ZX Spectrum: one bit a part, at two brightnesses (D7 and FF).
    "zx-spectrum": _colors("000000 0000D7 D70000 D700D7 00D700 00D7D7 D7D700 D7D7D7 0000FF FF0000 FF00FF 00FF00 00FFFF FFFF00 FFFFFF"),
    # MSX, TMS9918A, as the MAME emulator computes it from the data sheet's voltages.
    "msx": _colors("000000 3EB849 74D07D 5955E0 8076F1 B95E51 65DBEF DB6559 FF897D CCC35E DED087 3AA241 B766B5 CCCCCC FFFFFF"),
    # Teletext level 1: one bit a part (ETS 300 706).
    "teletext": _colors("000000 0000FF FF0000 FF00FF 00FF00 00FFFF FFFF00 FFFFFF"),
    "black-and-white": _colors("000000 FFFFFF"),
}

TONES = frozenset(("gameboy", "grey", "black-and-white"))
"""Palettes of one hue: colors are matched by lightness alone."""
