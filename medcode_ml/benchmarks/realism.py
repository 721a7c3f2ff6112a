"""How realistic the simulated notes are in one respect that leaks: code titles standing verbatim in the notes.

    python -m medcode_ml.benchmarks.realism [--codiesp DIR] [--encounters 360]

Prints the share of labels whose official title stands word for word in the encounter's documents, for the simulated
network (synthetic) and, where its folder is given, for the English text of CodiEsp (real case reports).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from medcode_ml.simulation import NetworkConfig, simulate
from medcode_ml.simulation.realism import title_share


def simulated_share(config: NetworkConfig) -> float:
    """Share of the simulated network's coder labels whose title stands verbatim in the encounter's documents."""
    texts: dict[str, list[str]] = defaultdict(list)
    codes: dict[str, list[str]] = defaultdict(list)
    for day in simulate(config).days():
        for row in day.tables["scanned_record"].to_dict("records"):
            texts[row["encounter_number"]].append(row["text"] or "")
        for row in day.tables["coder_label"].to_dict("records"):
            codes[row["encounter_number"]].append(row["code"])
    return title_share(texts, codes)


def codiesp_share(folder: Path) -> float:
    """The same share for CodiEsp: `text_files_en/*.txt` and the diagnosis labels `*D.tsv`."""
    texts = {p.stem: [p.read_text(encoding="utf-8")] for p in (folder / "text_files_en").glob("*.txt")}
    codes: dict[str, list[str]] = defaultdict(list)
    (labels,) = folder.glob("*D.tsv")
    for line in labels.read_text(encoding="utf-8").splitlines():
        document, code = line.split("\t")[:2]
        codes[document].append(code.upper())
    return title_share(texts, codes)


def main() -> None:
    """Print both shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codiesp", type=Path, help="folder with text_files_en and the label file")
    parser.add_argument("--encounters", type=int, default=360)
    given = parser.parse_args()
    ours = simulated_share(NetworkConfig(encounters=given.encounters))
    print(f"simulated network (synthetic): {ours:.1%} of labels have their title verbatim in the notes")  # noqa: T201
    if given.codiesp:
        real = codiesp_share(given.codiesp)
        print(f"CodiEsp (real case reports):   {real:.1%}")  # noqa: T201


if __name__ == "__main__":
    main()
