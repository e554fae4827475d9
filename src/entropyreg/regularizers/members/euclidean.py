"""The member of the family with another generator, G(p) = ||p||^2, for which no skew is left."""

from entropyreg.regularizers.registry import Kind

EUCLIDEAN = Kind(
    name="euclidean",
    label="Euclidean",
    meaning="||u - p||^2",
    mathematics="euclidean:Euclidean",
    short="Euclidean",
    printed="Euclidean generator",
    marker="*",
    symbol="★",
    color="#00868b",
)
