"""Whether what the headers deprecate says what docs/versioning.md asks for: what to write instead, and when it goes."""
import datetime
import re

MESSAGE = re.compile(r"use .+; removed in (\d+)\.0, not before (\d{4}-\d{2}-\d{2})")
FORM = "use X; removed in N.0, not before YYYY-MM-DD"
RELEASE = re.compile(r"## \S+ \((\d{4}-\d{2}-\d{2}|unreleased)\)")


def written_as(name):
    """How the documents call a symbol: without the library's namespace. The component compat is deprecated as a whole."""
    return "compat" if name.startswith("ttt::compat::") else name.removeprefix("ttt::")


def mentions(text, symbol):
    return re.search(rf"(?<!\w){re.escape(symbol)}(?!\w)", text) is not None


def deprecating_release(symbol, changelog):
    """The date in the heading of the oldest version with an item "- ..." that has both the symbol and "deprecated"; None without one."""
    found = release = None
    for part in re.split(r"\n(?=## |- )", changelog):
        heading = RELEASE.match(part)
        if heading:
            release = heading.group(1)
        elif part.startswith("- ") and mentions(part, symbol) and "deprecated" in part:
            found = release  # the newest version stands first
    return found


def year_later(release, today):
    """As text that sorts as dates do. What is not released yet may be today."""
    year, rest = (today.isoformat() if release == "unreleased" else release).split("-", 1)
    return f"{int(year) + 1}-{rest}"


def is_date(text):
    try:
        return bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def problem(name, message, major, changelog, migration, today):
    symbol = written_as(name)
    form = MESSAGE.fullmatch(message)
    if not form or not is_date(form.group(2)):
        return f'expected "{FORM}", got "{message}"'
    if int(form.group(1)) <= major:
        return f"{form.group(1)}.0 is no later major version than {major}"
    release = deprecating_release(symbol, changelog)
    if release is None:
        return f'CHANGELOG.md has no item with "{symbol}" and "deprecated"'
    if not mentions(migration, symbol):
        return f'docs/migration.md does not mention "{symbol}"'
    if form.group(2) < year_later(release, today):
        return f"{form.group(2)} is less than 12 months after the version that deprecates it ({release})"
    return None


def problems(lines, changelog, migration, today):
    """A message for each line "deprecated NAME: MESSAGE" of the public interface that falls short."""
    major = next(int(line.split(" = ")[1]) for line in lines if line.startswith("macro TTT_VERSION_MAJOR = "))
    messages = []
    for line in lines:
        if line.startswith("deprecated "):
            name, message = line.removeprefix("deprecated ").split(": ", 1)
            wrong = problem(name, message, major, changelog, migration, today)
            if wrong:
                messages.append(f"docs/versioning.md says what a deprecation has to say; {name}: {wrong}")
    return messages
