"""The published sets of images: the sums of what they hold, whatever the container, and the names of their classes.

The content of a set is that of its plain published files: the four idx files of MNIST and Fashion-MNIST, the binary
files of CIFAR. Every container is brought into this form, whose sums are public: sha256 of MNIST and Fashion-MNIST as
many projects pin them, of CIFAR-10 of the published files; md5 of CIFAR-100 as the Go package rai-project/dldataset has
it, whose sums of CIFAR-10 are right (no copy of CIFAR-100 was at hand).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from entropyreg.io.errors import UserError


class Published(NamedTuple):
    """The plain form of a published set, the sums of its plain files, its classes, and its columns in parquet."""

    form: str  # "idx" or "records", see `sources.FORMS`
    sums: dict[str, dict[str, str]]  # by split, in the order of the images
    classes: tuple[str, ...]
    image: str
    labels: tuple[str, ...] = ("label",)  # the last one is what is learnt


DIGITS = tuple("0123456789")
FASHION = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree
wolf woman worm
"""
PUBLISHED = {
    "mnist": Published(
        "idx",
        {
            "train": {
                "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            },
            "test": {
                "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            },
        },
        DIGITS,
        "image",
    ),
    "fashion_mnist": Published(
        "idx",
        {
            "train": {
                "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            },
            "test": {
                "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            },
        },
        FASHION,
        "image",
    ),
    "cifar10": Published(
        "records",
        {
            "train": {
                "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
                "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
                "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
                "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
                "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            },
            "test": {"test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
        },
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        "img",
    ),
    "cifar100": Published(
        "records",
        {
            "train": {"train.bin": "6172c7755cfe09b2fe270c85cebc1b15"},
            "test": {"test.bin": "4499cfba6c016c1be1438163640a0898"},
        },
        tuple(CIFAR100.split()),
        "img",
        ("coarse_label", "fine_label"),
    ),
}


def sum_like(known: str, content: bytes) -> str:
    """The sum of some bytes by the algorithm of a known sum."""
    return hashlib.new(algorithm_of(known), content, usedforsecurity=False).hexdigest()


def algorithm_of(known: str) -> str:
    return "md5" if len(known) == 32 else "sha256"


def sums_of(published: Published) -> dict[str, str]:
    """The known sums by file, with the algorithm behind the name where it is not sha256."""
    known = {name: one for split in published.sums.values() for name, one in split.items()}
    return {name if algorithm_of(one) == "sha256" else f"{name} (md5)": one for name, one in known.items()}


def check_content(published: Published, files: Mapping[str, bytes], place: Path) -> None:
    """Raise `UserError` unless the plain files are those that were published; they were read from `place`."""
    for known in published.sums.values():
        for name, expected in known.items():
            if (found := sum_like(expected, files[name])) != expected:
                raise UserError(
                    f"{place} does not hold the published {name}: expected {algorithm_of(expected)} {expected} of its "
                    f"content, found {found}; fetch it again."
                )
