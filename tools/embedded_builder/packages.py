"""Lists the packages that the embedded sets are made from, and the commands to download them.

The versions are those that were used; their licences are in `src/entropyreg/data/embedded/licenses/`.
"""

from pathlib import Path

TRANSLATED_WHEELS = {  # distribution: versions, in the order in which duplicates are resolved (the first one wins)
    "homeassistant": ("2026.2.3", "2024.3.3"),
    "home-assistant-frontend": ("20261028.6",),
    "django": ("6.1.3",),
    "wagtail": ("8.0.1",),
    "apache-superset": ("6.1.0",),
    "kolibri": ("0.19.5",),
    "indico": ("3.0rc1",),  # French only
}
VSCODE_VERSION = "25.1.2"
VSCODE_PACKAGES = {
    "api": "@codingame/monaco-vscode-api",
    "de": "@codingame/monaco-vscode-language-pack-de",
    "fr": "@codingame/monaco-vscode-language-pack-fr",
}
DOCUMENTED_WHEELS = {  # in the order in which duplicates are resolved
    "xarray": "2026.9.0",
    "scipy": "1.17.1",
    "astropy": "8.0.2",
    "scikit-image": "0.26.0",
    "pandas": "3.1.1",
    "seaborn": "0.13.2",
    "statsmodels": "0.15.0",
    "numpy": "2.4.6",  # the wheel for Python 3.11, the last one with numpy.distutils
    "scikit-learn": "1.9.1",
    "dask": "2026.8.0",
    "sympy": "1.14.0",
    "networkx": "3.6.1",
    "nltk": "3.10.4",
    "tensorflow-datasets": "4.9.10",
}


def wheel_path(downloads: Path, distribution: str, version: str) -> Path:
    """The downloaded wheel of a distribution; a missing one is an error that says how to get it."""
    found = sorted(downloads.glob(f"{distribution.replace('-', '_')}-{version}-*.whl"))
    if not found:
        raise FileNotFoundError(
            f"{downloads} has no wheel of {distribution} {version}; --commands prints how to get it"
        )
    return found[0]


def npm_path(downloads: Path, part: str) -> Path:
    """The downloaded npm archive of 'api', 'de' or 'fr'."""
    path = downloads / f"{VSCODE_PACKAGES[part].lstrip('@').replace('/', '-')}-{VSCODE_VERSION}.tgz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; --commands prints how to get it")
    return path


def download_commands() -> list[str]:
    """Shell commands that fetch every package into the current folder, without installing anything."""
    pip = "pip download --no-deps --only-binary :all: --python-version"
    wheels = [f"{name}=={version}" for name, versions in TRANSLATED_WHEELS.items() for version in versions]
    documented = {name: f"{name}=={version}" for name, version in DOCUMENTED_WHEELS.items()}
    numpy = documented.pop("numpy")
    return [
        *(f"{pip} 3.14 {wheel}" for wheel in wheels),
        *(f"{pip} 3.12 {wheel}" for wheel in documented.values()),
        f"{pip} 3.11 {numpy}",
        *(f"npm pack {name}@{VSCODE_VERSION}" for name in VSCODE_PACKAGES.values()),
    ]
