"""What the metrics know of the families of models: their folders, names, lengths, and when git says they came."""
import dataclasses
import pathlib
import re
import subprocess

SOURCES = {".h", ".cpp"}


def repository():
    return pathlib.Path(__file__).resolve().parents[2]


def families(root):
    """The folders of models/ that are a model: a project each, but for what they share."""
    return sorted(file.parent.name for file in (root / "models").glob("*/CMakeLists.txt") if file.parent.name != "common")


def model_types(root, family):
    """The model_types of the family's goldens, as its tests name them."""
    tests = "".join(file.read_text() for file in sorted((root / "models" / family / "tests").glob("*.cpp")))
    lists = re.findall(r"\.model_types = \{([^}]*)\}", tests) + re.findall(r"model_type_of\(\w+\) == (\"\w+\")", tests)
    return sorted({name for names in lists for name in re.findall(r'"(\w+)"', names)})


def names(root):
    """All names of families: of folders, of the goldens' model_types, of the registry's rows."""
    registry = root / "models" / "registry.cpp"
    found = set(re.findall(r'Family\{"([^"]+)"', registry.read_text())) if registry.exists() else set()
    for family in families(root):
        found |= {family, *model_types(root, family)}
    return sorted(found)


def model_lines(root, family):
    """Lines of the family's own sources and headers: config reading, weight mapping, building. Tests are not of them."""
    folder = root / "models" / family
    return sum(len(file.read_text().splitlines()) for file in folder.glob("*") if file.suffix in SOURCES)


@dataclasses.dataclass
class Added:
    family: str
    commit: str
    src_lines: int         # added and removed under src/ in that commit, whichever family needed them
    families_in_commit: int


def git(root, *arguments):
    return subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, text=True).stdout


def no_history(root):
    """Why git cannot say when a family came; None when it can."""
    try:
        if git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
            return "a shallow clone has no history of the models (git fetch --unshallow)"
        # Of the repository itself: a folder unpacked inside another repository has none.
        return None if git(root, "ls-files", "models").strip() else "the models are not in a git repository"
    except OSError as error:
        return f"no git: {error}"
    except subprocess.CalledProcessError as error:
        return error.stderr.strip().partition("\n")[0]


def added(root):
    """When each family was added, the earliest first; families of one commit by name. Those not committed yet come last."""
    order = git(root, "log", "--reverse", "--topo-order", "--format=%H").split()
    place = {commit: i for i, commit in enumerate(order)}
    commits = {}
    for family in families(root):
        found = git(root, "log", "--reverse", "--topo-order", "--diff-filter=A", "--format=%H", "--", f"models/{family}").split()
        commits[family] = found[0] if found else ""
    rows = []
    for family, commit in sorted(commits.items(), key=lambda item: (place.get(item[1], len(order)), item[0])):
        rows.append(Added(family, commit[:9], changed_src_lines(root, commit), sum(c == commit for c in commits.values())))
    return rows


def changed_src_lines(root, commit):
    # A family that is not committed is measured by what the working tree changes.
    stat = git(root, "show", "--numstat", "--format=", commit, "--", "src") if commit else git(root, "diff", "--numstat", "HEAD", "--", "src")
    return sum(int(number) for line in stat.splitlines() for number in line.split("\t")[:2] if number.isdigit())


def in_order(root):
    """The families in the order they were added, by name where git does not know it."""
    return families(root) if no_history(root) else [row.family for row in added(root)]
