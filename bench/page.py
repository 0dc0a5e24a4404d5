"""Tables between markers on a page."""
import pathlib


def put(page, name, table):
    """Replaces what is between <!-- NAME: begin --> and <!-- NAME: end -->."""
    page = pathlib.Path(page)
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = page.read_text()
    before, after = text.index(begin) + len(begin), text.index(end)
    page.write_text(f"{text[:before]}\n{table.rstrip()}\n{text[after:]}")
