"""Counts the operations of Inception-v4 for images of 299 x 299.

A branch is a row of convolutions, each (output channels, kernel), with the side of its module; the last convolution of
a reduction's branch halves it. Source: Szegedy et al. 2016, as pytorchcv 0.0.74 builds it (the pipeline's network): no
biases, a norm with scale and shift after every convolution.
"""

from collections.abc import Sequence

from entropyreg.forecast.image_networks import ImageNetwork, Product, convolution, linear

SQUARE, POINT, ROW, COLUMN = (3, 3), (1, 1), (1, 7), (7, 1)
SHORT_ROW, SHORT_COLUMN = (1, 3), (3, 1)
Layer = tuple[int, tuple[int, int]]

STEM = ((3, 32, 149), (32, 32, 147), (32, 64, 147), (64, 96, 73))  # channels in, out, side; all 3 x 3
AFTER_STEM = (  # side, channels in, branches; the maximum beside a stride of 2 has no product
    (73, 160, (((64, POINT),), ((64, POINT), (64, ROW), (64, COLUMN)))),
    (71, 64, (((96, SQUARE),), ((96, SQUARE),))),
    (35, 192, (((192, SQUARE),),)),
)
A = (
    ((96, POINT),),
    ((64, POINT), (96, SQUARE)),
    ((64, POINT), (96, SQUARE), (96, SQUARE)),
    ((96, POINT),),
)
B = (
    ((384, POINT),),
    ((192, POINT), (224, ROW), (256, COLUMN)),
    ((192, POINT), (192, COLUMN), (224, ROW), (224, COLUMN), (256, ROW)),
    ((128, POINT),),
)
C = (  # the last two convolutions of the second and the third branch lie side by side
    ((256, POINT),),
    ((384, POINT), (256, SHORT_ROW)),
    ((384, POINT), (448, SHORT_COLUMN), (512, SHORT_ROW), (256, SHORT_ROW)),
    ((256, POINT),),
)
C_BESIDE = ((384, (256, SHORT_COLUMN)), (512, (256, SHORT_COLUMN)))  # channels in, layer
REDUCTION_A = (((384, SQUARE),), ((192, POINT), (224, SQUARE), (256, SQUARE)))
REDUCTION_B = (((192, POINT), (192, SQUARE)), ((256, POINT), (256, ROW), (320, COLUMN), (320, SQUARE)))


def inception_v4(n_classes: int) -> ImageNetwork:
    """Products in the order of the network; norms have two parameters a channel."""
    products = [convolution(n_in, n_out, SQUARE, side) for n_in, n_out, side in STEM]
    products[0] = Product(products[0].forward, 1, products[0].parameters)
    widths = [n_out for _, n_out, _ in STEM]
    for side, n_in, module in AFTER_STEM:
        add(products, widths, n_in, module, side)
    for _ in range(4):
        add(products, widths, 384, A, 35)
    add(products, widths, 384, REDUCTION_A, 35, reduced=17)
    for _ in range(7):
        add(products, widths, 1024, B, 17)
    add(products, widths, 1024, REDUCTION_B, 17, reduced=8)
    for _ in range(3):
        add(products, widths, 1536, C, 8)
        for n_in, (n_out, kernel) in C_BESIDE:
            products.append(convolution(n_in, n_out, kernel, 8))
            widths.append(n_out)
    products.append(linear(1536, n_classes))
    return ImageNetwork(tuple(products), 2 * sum(widths), features=1536)


def add(
    products: list[Product],
    widths: list[int],
    n_in: int,
    module: Sequence[Sequence[Layer]],
    side: int,
    reduced: int | None = None,
) -> None:
    """Append a module's convolutions; with `reduced` the last of each branch has that side."""
    for branch in module:
        channels = n_in
        for number, (n_out, kernel) in enumerate(branch, start=1):
            output = reduced if reduced is not None and number == len(branch) else side
            products.append(convolution(channels, n_out, kernel, output))
            widths.append(n_out)
            channels = n_out
