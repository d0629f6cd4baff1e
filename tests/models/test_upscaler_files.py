"""Upscalers from files: the formulas of their papers, tiles without seams, refusals by name."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.upscaler_files import in_tiles, open_upscaler
from sakuga.models.upscaler_kinds import check_upscaler

WIDTH, GROWTH = 8, 4


class Dense(nn.Module):
    """A residual dense block, written as a module from the paper."""

    def __init__(self) -> None:
        super().__init__()
        for layer in range(5):
            self.add_module(f"conv{layer + 1}", nn.Conv2d(WIDTH + layer * GROWTH, WIDTH if layer == 4 else GROWTH, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        known = x
        for layer in range(1, 5):
            made = nn.functional.leaky_relu(getattr(self, f"conv{layer}")(known), 0.2)
            known = torch.cat([known, made], 1)
        return x + 0.2 * self.conv5(known)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = Dense(), Dense(), Dense()

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class Esrgan(nn.Module):
    def __init__(self, folded: int = 1) -> None:
        super().__init__()
        self.folded = folded
        self.conv_first = nn.Conv2d(3 * folded**2, WIDTH, 3, padding=1)
        self.body = nn.Sequential(Block(), Block())
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(4))
        self.conv_last = nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv_first(nn.functional.pixel_unshuffle(x, self.folded))
        x = first + self.conv_body(self.body(first))
        for up in (self.conv_up1, self.conv_up2):
            x = nn.functional.leaky_relu(up(nn.functional.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
        return self.conv_last(nn.functional.leaky_relu(self.conv_hr(x), 0.2))


class Compact(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Conv2d(3, WIDTH, 3, padding=1), nn.PReLU(WIDTH), nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.PReLU(WIDTH)]
        self.body = nn.ModuleList([*layers, nn.Conv2d(WIDTH, 12, 3, padding=1)])

    def forward(self, x: Tensor) -> Tensor:
        made = x
        for layer in self.body:
            made = layer(made)
        return nn.functional.pixel_shuffle(made, 2) + nn.functional.interpolate(x, scale_factor=2, mode="nearest")


class Wide(nn.Module):
    """A convolution of SPAN, written as its layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.sk = nn.Conv2d(channels, WIDTH, 1)
        layers = nn.Conv2d(channels, 2 * channels, 1), nn.Conv2d(2 * channels, 2 * WIDTH, 3), nn.Conv2d(2 * WIDTH, WIDTH, 1)
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(nn.functional.pad(x, (1, 1, 1, 1))) + self.sk(x)


class SpanBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = (Wide(WIDTH) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inside = nn.functional.silu(self.c1_r(x))
        last = self.c3_r(nn.functional.silu(self.c2_r(inside)))
        return (last + x) * (last.sigmoid() - 0.5), inside


class Span(nn.Module):
    def __init__(self, no_norm: bool = False) -> None:
        super().__init__()
        if no_norm:
            self.register_buffer("no_norm", torch.zeros(1))
        self.conv_1, self.conv_2 = Wide(3), Wide(WIDTH)
        for number in range(1, 7):
            self.add_module(f"block_{number}", SpanBlock())
        self.conv_cat = nn.Conv2d(4 * WIDTH, WIDTH, 1)
        self.upsampler = nn.Sequential(nn.Conv2d(WIDTH, 27, 3, padding=1), nn.PixelShuffle(3))

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "no_norm"):
            x = 255 * (x - torch.tensor([0.4488, 0.4371, 0.4040])[None, :, None, None])
        first = self.conv_1(x)
        features = [first]
        for number in range(1, 7):
            made, inside = getattr(self, f"block_{number}")(features[-1])
            features.append(made)
        return self.upsampler(self.conv_cat(torch.cat([first, self.conv_2(features[-1]), features[1], inside], 1)))


def old_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights by the names of ESRGAN's first publication."""
    tops = {"conv_first": "model.0", "conv_body": "model.1.sub.2", "conv_up1": "model.3", "conv_up2": "model.6", "conv_hr": "model.8"}
    named = {}
    for name, value in weights.items():
        top, _, ending = name.partition(".")
        if top == "body":
            _, block, part, layer, ending = name.split(".")
            named[f"model.1.sub.{block}.RDB{part[-1]}.{layer}.0.{ending}"] = value
        else:
            named[f"{(tops | {'conv_last': 'model.10'})[top]}.{ending}"] = value
    return named


def saved(weights: dict[str, Tensor], path: Path) -> Path:
    save_file({name: value.clone().contiguous() for name, value in weights.items()}, path)
    return path


def random(network: nn.Module) -> dict[str, Tensor]:
    torch.manual_seed(3)
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.1)
    return network.eval().state_dict()


IMAGE = np.random.default_rng(0).integers(0, 256, (20, 28, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("network", "scale", "layout"),
    [
        (Esrgan(), 4, dict),
        (Esrgan(), 4, old_names),
        (Esrgan(folded=2), 2, dict),
        (Compact(), 2, dict),
        (Span(), 3, dict),
        (Span(no_norm=True), 3, dict),
        (Compact(), 2, lambda weights: {f"params.{name}": value for name, value in weights.items()}),
    ],
)
def test_a_file_gives_the_images_of_its_network(network: nn.Module, scale: int, layout: object, tmp_path: Path) -> None:
    weights = random(network)
    path = saved(layout(weights), tmp_path / "up.safetensors")  # type: ignore[operator]
    upscaler = open_upscaler(path)
    assert upscaler.scale == scale
    pixels = torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        torch.testing.assert_close(upscaler.run(pixels), network(pixels), atol=1e-5, rtol=1e-5)
    assert upscaler(IMAGE).shape == (20 * scale, 28 * scale, 3)


def test_tiles_leave_no_seam(tmp_path: Path) -> None:
    network = Compact()
    upscaler = open_upscaler(saved(random(network), tmp_path / "up.safetensors"))
    pixels = torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        whole, tiled = upscaler.run(pixels), in_tiles(upscaler.run, pixels, 2, tile=16, halo=4)
        seams = in_tiles(upscaler.run, pixels, 2, tile=16, halo=0)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(seams, whole, atol=1e-3)


def test_odd_sides_of_a_folded_network_are_kept(tmp_path: Path) -> None:
    upscaler = open_upscaler(saved(random(Esrgan(folded=2)), tmp_path / "up.safetensors"))
    assert upscaler(IMAGE[:19, :27]).shape == (38, 54, 3)


@pytest.mark.parametrize(
    ("key", "match"),
    [
        ("layers.0.relative_position_bias_table", "is a transformer"),
        ("a", "unknown layout"),
    ],
)
def test_other_networks_are_refused_by_name(key: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=match):
        check_upscaler(saved({key: torch.zeros(2, 2)}, tmp_path / "up.safetensors"))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (pickle := tmp_path / "4x.pth").write_bytes(b"PK\x03\x04")
    with pytest.raises(CheckpointError, match="is a pickle"):
        check_upscaler(pickle)
    with pytest.raises(CheckpointError, match="there is no upscaler"):
        check_upscaler(tmp_path / "none.safetensors")
    (cut := tmp_path / "cut.safetensors").write_bytes(b"\x20\0\0\0\0\0\0\0{")
    with pytest.raises(CheckpointError, match=r"upscaler .* is truncated or damaged"):
        check_upscaler(cut)
    short = {name: value for name, value in random(Esrgan()).items() if "conv_hr" not in name}
    with pytest.raises(CheckpointError, match="missing or unknown weights"):
        open_upscaler(saved(short, tmp_path / "short.safetensors"))
    with pytest.raises(CheckpointError, match="without enlarging them"):
        open_upscaler(saved(random(Esrgan(folded=4)), tmp_path / "1x.safetensors"))
