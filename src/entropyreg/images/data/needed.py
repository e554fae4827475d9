"""Names the files of data/sources.yaml for each image data set; light, as Snakemake loads it at every start."""

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SOURCES = {
    **{name: tuple(f"{name}/{part}.gz" for part in IDX) for name in ("mnist", "fashion_mnist")},
    "cifar10": ("cifar10/cifar-10-python.tar.gz",),
    "cifar100": ("cifar100/cifar-100-python.tar.gz",),
}
IN_DATA_DIR = {"imagenet"}  # never downloaded: it is read from `data_dir`, or an error asks for it


def needed_image_sources(dataset: str) -> tuple[str, ...]:
    """Names of the files that can be downloaded; none for a set that is shipped or only in `data_dir`."""
    return SOURCES.get(dataset, ())
