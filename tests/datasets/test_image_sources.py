"""Images find their captions by name in any table; mismatches are noted."""

import json
import os
import sys
import unicodedata
from pathlib import Path
from time import process_time

import pytest
from PIL import Image

from sakuga.datasets.image_sources import FoundImages, find_images
from sakuga.datasets.training_set import SetError


def images(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)


def texts(gathered: FoundImages) -> dict[str, str]:
    return {found.name: found.text for found in gathered.images}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_captions_beside_images_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    images(tmp_path, "a10.png", "a9.png", "below/b.jpg")
    (tmp_path / "a9.txt").write_text("ein  Schloß\r\nam See\n", encoding=encoding)
    (tmp_path / "below" / "b.caption").write_text("a boat")
    gathered = find_images(tmp_path)
    assert texts(gathered) == {"a9.png": "ein Schloß am See", "a10.png": "", "below/b.jpg": "a boat"}
    assert [found.name for found in gathered.images] == ["a9.png", "a10.png", "below/b.jpg"]
    assert any("cp1252" in note for note in gathered.notes) == (encoding in ("cp1252", "latin-1"))


@pytest.mark.parametrize(
    "table",
    [
        b'\xef\xbb\xbffile_name, text\r\n2.png, a boat\r\n1.png,"a castle, ""red"""\r\n',
        b' File Name ; Caption \n2;a boat\n1;"a castle, ""red"""\n',
        'image\tprompt\nC:\\pictures\\2.png\ta boat\n\n1.PNG\t"a castle, ""red"""\n'.encode("utf-16"),
        b'file,text\nother/2.jpg,a boat\n1.png,"a castle,\n ""red"""\n',
    ],
    ids=["BOM and spaces", "semicolons, stems", "UTF-16 and tabs", "another suffix, a break in quotes"],
)
def test_a_csv_is_paired_by_name_and_never_by_order(tmp_path: Path, table: bytes) -> None:
    images(tmp_path, "1.png", "2.png")
    (tmp_path / "metadata.csv").write_bytes(table)
    expected = {"1.png": 'a castle, "red"', "2.png": "a boat"}
    assert texts(find_images(tmp_path)) == expected
    (tmp_path / "metadata.csv").rename(tmp_path / "words.csv")
    assert texts(find_images(tmp_path / "words.csv")) == expected


def test_json_lines_bring_source_licence_composition_and_seed(tmp_path: Path) -> None:
    images(tmp_path, "x/1.png", "x/2.png")
    rows = [
        {
            "file_name": "1.png",
            "caption": "a castle",
            "url": "https://example.org",
            "license": "CC0",
            "composition": "Landscape",
            "seed": 7,
        },
        {"file_name": "2.png", "caption": None, "width": 8},
    ]
    (tmp_path / "x" / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "x" / "2.txt").write_text("from beside")
    gathered = find_images(tmp_path)
    first, second = gathered.images
    assert (first.text, first.source, first.licence) == ("a castle", "https://example.org", "CC0")
    assert (first.composition, first.seed) == ("landscape", 7)
    assert (second.text, second.composition, second.seed) == ("from beside", None, None)
    assert gathered.notes == ("metadata.jsonl: ignored columns: width",)


def test_unmatched_files_are_noted_with_their_number(tmp_path: Path) -> None:
    """604 rows for 618 images, as in a public set."""
    images(tmp_path, *(f"{index}.png" for index in range(10)))
    rows = [f"{index}.png,row {index}" for index in (0, 3, 20, 21, 22, 23)]
    (tmp_path / "metadata.csv").write_text("file_name,text\n" + "\n".join(rows))
    (tmp_path / "lonely.txt").write_text("nobody")
    (tmp_path / "film.psd").write_text("")
    (tmp_path / ".hidden.png").write_text("")
    gathered = find_images(tmp_path)
    assert texts(gathered)["3.png"] == "row 3"
    assert list(texts(gathered).values()).count("") == 8
    assert gathered.notes == (
        "metadata.csv: 4 of 6 rows name no existing image: 20.png, 21.png, 22.png and 1 more",
        "8 of 10 images have no row: 1.png, 2.png, 4.png and 5 more",
        "1 caption has no image of the same name: lonely.txt",
        "ignored, as no images: 1 .psd",
    )


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("metadata.csv", "picture,words\n1.png,a\n", "has no column 'file_name', only 'picture', 'words'"),
        ("metadata.csv", "file_name,text\n1.png,a, b\n", r"metadata.csv line 2: 3 values for 2 columns: put text with a ',' in"),
        ("metadata.csv", 'file_name,text\n1.png,"a"b"\n', "line 2 cannot be read"),
        ("metadata.csv", "file_name,text,text\n1.png,a,b\n", "two columns are named 'text'"),
        ("metadata.csv", "file_name,text\n", "has no rows"),
        ("metadata.csv", "", "has no rows"),
        ("metadata.csv", "file_name,text\n1.png,a\n1.png,b\n", "line 3: 1.png is named already, in .* line 2"),
        ("metadata.csv", "file_name,text\nboat,a\n", "boat could be below/boat.png, boat.png|boat could be boat.png, below/boat.png"),
        ("metadata.csv", "file_name,text\n7.png,a\n", "none of its 1 rows names an existing image, such as 7.png"),
        ("metadata.csv", "file_name,seed\n1.png,x\n", "line 2: seed: 'x' is not a whole number"),
        ("metadata.csv", "file_name,composition\n1.png,face\n", "'face' is not one of portrait, figure, landscape"),
        ("metadata.jsonl", '{"file_name": "1.png"\n', "line 1 is not JSON"),
        ("metadata.jsonl", "[]\n", "line 1 is not an object"),
        ("metadata.jsonl", '{"file_name": 1}\n', "line 1: file_name: 1 is not text"),
        ("metadata.jsonl", "\0", "zero bytes"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path, name: str, table: str, message: str) -> None:
    images(tmp_path, "1.png", "boat.png", "below/boat.png")
    (tmp_path / name).write_text(table)
    with pytest.raises(SetError, match=message):
        find_images(tmp_path)


def test_a_row_with_a_folder_matches_no_image_of_another(tmp_path: Path) -> None:
    images(tmp_path, "a/1.png", "b/1.png", "a/2.png")
    (tmp_path / "metadata.csv").write_text("file_name,text\na/1.png,in a\nb/1.png,in b\nb/2.png,absent\n")
    gathered = find_images(tmp_path)
    assert texts(gathered) == {"a/1.png": "in a", "a/2.png": "", "b/1.png": "in b"}
    assert any("b/2.png" in note for note in gathered.notes)


def test_a_folder_without_images_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetError, match="contains no images"):
        find_images(tmp_path)
    with pytest.raises(SetError, match="no such folder or table"):
        find_images(tmp_path / "absent")
    images(tmp_path, "1.png")
    with pytest.raises(SetError, match="is not a caption table"):
        find_images(tmp_path / "1.png")


def test_names_in_another_unicode_form_or_case_find_their_captions(tmp_path: Path) -> None:
    composed, decomposed = "ch\xe2teau", unicodedata.normalize("NFD", "ch\xe2teau")
    images(tmp_path, f"{decomposed}.png", "UBER.PNG", "x.png")
    (tmp_path / f"{composed}.txt").write_text("a castle")
    (tmp_path / "uber.TXT").write_text("a boat")
    gathered = find_images(tmp_path)
    assert sorted(texts(gathered).values()) == ["", "a boat", "a castle"]
    (tmp_path / "metadata.csv").write_text(f"file_name,text\n{composed}.png,a tower\nx.png,a sea\n", encoding="utf-8")
    assert sorted(texts(find_images(tmp_path)).values()) == ["a boat", "a sea", "a tower"]


def test_folders_behind_links_are_searched_once_and_dangling_links_told(tmp_path: Path) -> None:
    images(tmp_path, "real/x.png", "set/a.png")
    (tmp_path / "set" / "more").symlink_to(tmp_path / "real")
    (tmp_path / "set" / "loop").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "gone.png").symlink_to("nowhere.png")
    gathered = find_images(tmp_path / "set")
    assert [found.name for found in gathered.images] == ["a.png", "more/x.png"]
    assert any("gone.png is a link to what does not exist" in note for note in gathered.notes)


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems hold no names that are not UTF-8")
def test_a_name_that_is_no_utf8_is_read_and_written_with_replacement_signs(tmp_path: Path) -> None:
    images(tmp_path, "a.png")
    (tmp_path / "a.png").rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    (found,) = find_images(tmp_path).images
    assert found.name == "caf\ufffd.png"
    assert found.path.is_file()


def test_folders_that_systems_make_hold_no_images_of_the_user(tmp_path: Path) -> None:
    for folder in (".", "boats", "__MACOSX", "@eaDir", ".ipynb_checkpoints", "$RECYCLE.BIN", "boats/@eaDir"):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / folder / "a.png")
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7 of a Mac")
    assert [found.name for found in find_images(tmp_path).images] == ["a.png", "boats/a.png"]


@pytest.mark.parametrize("first", ["sep=;\n", "\ufeffSEP=; \r\n"])
def test_the_line_in_which_excel_names_its_separator_is_no_header(tmp_path: Path, first: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    table = tmp_path / "metadata.csv"
    table.write_text(f"{first}file_name;text\na.png;a castle, dawn, birds, sea\n", encoding="utf-8")
    assert [found.text for found in find_images(tmp_path).images] == ["a castle, dawn, birds, sea"]
    table.write_text(f"{first}file_name;text\na.png;a;castle\n", encoding="utf-8")
    with pytest.raises(SetError, match="line 3: 3 values for 2 columns"):
        find_images(tmp_path)


def test_a_table_of_very_many_columns_is_read_in_a_moment(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    many = range(30_000)
    (tmp_path / "metadata.csv").write_text(f"file_name,{','.join(map('c{}'.format, many))}\na.png,{','.join(map(str, many))}\n")
    started = process_time()
    assert len(find_images(tmp_path).images) == 1
    assert process_time() - started < 3
