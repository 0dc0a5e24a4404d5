#!/usr/bin/env python3
"""Lists what the public headers declare, one line a symbol: signatures, layouts, values of enumerations, constants and macros,
of which programs have the last three compiled in, and what is deprecated.

usage: api_list.py INCLUDE_FOLDER       the folder that holds ttt/, of the tree or of an installed package

Two versions of the library are source-compatible where every line of the older one is still there, and keep the layout of what
crosses the border between a program and the library. Needs libclang 19 (python3-clang-19); exit code 77 where it is not there.
"""
import pathlib
import re
import sys

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's module, for a Python that is not Debian's too
try:
    from clang import cindex
    from clang.cindex import AccessSpecifier, CursorKind
except ImportError:
    cindex = None

# Not installed, so not public: see cmake/install.cmake.
LEFT_OUT = re.compile(r"/rust/|/(allocate|strict_json|weight_view)\.h$|abi[^/]*\.h$")
INLINE_NAMESPACE = re.compile(r"\bttt::v\d+::")
NAMED = ("FIELD_DECL", "ENUM_DECL", "ENUM_CONSTANT_DECL", "VAR_DECL", "TYPE_ALIAS_DECL", "TYPEDEF_DECL", "TYPE_ALIAS_TEMPLATE_DECL",
         "CONCEPT_DECL")
SCOPES = ("NAMESPACE", "CLASS_DECL", "STRUCT_DECL", "UNION_DECL", "CLASS_TEMPLATE", "CLASS_TEMPLATE_PARTIAL_SPECIALIZATION")
FUNCTIONS = ("FUNCTION_DECL", "CXX_METHOD", "CONSTRUCTOR", "CONVERSION_FUNCTION", "FUNCTION_TEMPLATE")
CLASSES = SCOPES[1:]
# What changes from release to release.
FREE_MACROS = ("TTT_VERSION_MINOR", "TTT_VERSION_PATCH", "TTT_VERSION_SUFFIX")


class ApiError(Exception):
    """The headers cannot be read; str() is one line."""


def public_headers(folder):
    headers = sorted(str(path.relative_to(folder)) for path in (folder / "ttt").rglob("*.h"))
    return [header for header in headers if not LEFT_OUT.search("/" + header)]


def parse(folder):
    headers = public_headers(folder)
    if not headers:
        raise ApiError(f"{folder}: expected the public headers, ttt/*.h, found none")
    source = "".join(f'#include "{header}"\n' for header in headers)
    unit = cindex.Index.create().parse("api.cpp", ["-std=c++20", f"-I{folder}"], unsaved_files=[("api.cpp", source)],
                                       options=cindex.TranslationUnit.PARSE_SKIP_FUNCTION_BODIES
                                       | cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
    errors = [d for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
    if errors:
        raise ApiError(f"{errors[0].location.file}:{errors[0].location.line}: {errors[0].spelling}")
    return unit


def plain(text):
    return INLINE_NAMESPACE.sub("ttt::", text)


def qualified(cursor):
    names = []
    while cursor is not None and cursor.kind.name in (*SCOPES, *FUNCTIONS, *NAMED):
        names.append(cursor.spelling)
        cursor = cursor.semantic_parent
    return plain("::".join(reversed(names)))


def parameter(cursor):
    default = " = ..." if any(token.spelling == "=" for token in cursor.get_tokens()) else ""
    return cursor.type.spelling + default  # its name may change


def signature(cursor):
    parameters = [parameter(child) for child in cursor.get_children() if child.kind == CursorKind.PARM_DECL]
    marks = "".join((" const" if cursor.is_const_method() else "",
                     " [static]" if cursor.kind == CursorKind.CXX_METHOD and cursor.is_static_method() else "",
                     " [explicit]" if cursor.is_explicit_method() else "",
                     " [deleted]" if cursor.is_deleted_method() else "",
                     " [pure]" if cursor.is_pure_virtual_method() else " [virtual]" if cursor.is_virtual_method() else ""))
    template = [child.spelling for child in cursor.get_children() if re.fullmatch("TEMPLATE_.*PARAMETER", child.kind.name)]
    generic = f"template <{', '.join(template)}> " if template else ""
    result = "" if cursor.kind == CursorKind.CONSTRUCTOR else f" -> {cursor.result_type.spelling}"
    return f"{generic}{qualified(cursor)}({', '.join(parameters)}){marks}{result}"


def class_line(cursor):
    bases = [child.type.spelling for child in cursor.get_children() if child.kind == CursorKind.CXX_BASE_SPECIFIER]
    size = cursor.type.get_size()
    layout = f", {size} bytes, aligned to {cursor.type.get_align()}" if size > 0 else ""
    return f"class {qualified(cursor)}" + (f" : {', '.join(bases)}" if bases else "") + layout


def field_line(cursor, public):
    offset = cursor.get_field_offsetof()
    # The place of a private member matters to inline functions, its name to nobody.
    name = qualified(cursor) if public else qualified(cursor.semantic_parent) + "::(private)"
    return f"field {name}: {cursor.type.spelling}" + (f", at byte {offset // 8}" if offset >= 0 else "")


def constant_line(cursor):
    tokens = [token.spelling for token in cursor.get_tokens()]
    starts = [tokens.index(start) for start in ("=", "{") if start in tokens]
    value = f" = {' '.join(tokens[min(starts):]).removeprefix('= ')}" if starts else ""
    return f"constant {qualified(cursor)}: {cursor.type.spelling}{value}"


def macro_line(cursor):
    name, *body = [token.spelling for token in cursor.get_tokens()]
    return f"macro {name}" + (f" = {' '.join(body)}" if body and name not in FREE_MACROS else "")


def deprecations(cursor):
    """A line of its own, so that to deprecate something changes no other."""
    for child in cursor.get_children():
        tokens = [token.spelling for token in child.get_tokens()] if child.kind == CursorKind.UNEXPOSED_ATTR else []
        if tokens[:1] == ["deprecated"]:
            message = "".join(token.strip('"') for token in tokens if token.startswith('"'))
            yield plain(f"deprecated {qualified(cursor)}: {message}")


def members(cursor, is_ours, lines):
    """Adds the lines of a namespace's or class's members."""
    virtuals = 0
    for child in cursor.get_children():
        kind = child.kind.name
        if cursor.kind.name not in CLASSES and not is_ours(child):
            continue
        public = child.access_specifier in (AccessSpecifier.PUBLIC, AccessSpecifier.INVALID, AccessSpecifier.NONE)
        visible = public or child.access_specifier == AccessSpecifier.PROTECTED
        if kind in FUNCTIONS and child.is_virtual_method():
            # The order of virtual functions is the layout of the table that programs call through.
            lines.add(f"virtual {qualified(cursor)}[{virtuals}]: {child.displayname}")
            virtuals += 1
        if kind == "FIELD_DECL":
            lines.add(plain(field_line(child, visible)))
        if not visible:
            continue
        lines.update(deprecations(child))
        if kind in FUNCTIONS:
            lines.add(plain(f"function {signature(child)}"))
        elif kind in CLASSES:
            if child.is_definition():
                lines.add(plain(class_line(child)))
                members(child, is_ours, lines)
        elif kind in ("NAMESPACE", "UNEXPOSED_DECL", "LINKAGE_SPEC"):
            members(child, is_ours, lines)
        elif kind == "ENUM_DECL":
            lines.add(plain(f"enum {qualified(child)}: {child.enum_type.spelling}"))
            for value in child.get_children():
                if value.kind == CursorKind.ENUM_CONSTANT_DECL:
                    lines.update(deprecations(value))
                    lines.add(plain(f"value {qualified(value)} = {value.enum_value}"))
        elif kind in ("TYPE_ALIAS_DECL", "TYPEDEF_DECL"):
            lines.add(plain(f"alias {qualified(child)} = {child.underlying_typedef_type.spelling}"))
        elif kind == "TYPE_ALIAS_TEMPLATE_DECL" or kind == "CONCEPT_DECL":
            lines.add(plain(f"{kind.split('_')[0].lower()} {qualified(child)}"))
        elif kind == "VAR_DECL":
            lines.add(plain(constant_line(child)))


def api_lines(folder):
    """The sorted lines of the headers below that folder. Throws ApiError."""
    folder = pathlib.Path(folder).resolve()
    unit = parse(folder)
    root = str(folder / "ttt")

    def is_ours(cursor):
        return cursor.location.file is not None and str(cursor.location.file).startswith(root)

    lines = set()
    members(unit.cursor, is_ours, lines)
    for cursor in unit.cursor.get_children():
        if cursor.kind == CursorKind.MACRO_DEFINITION and is_ours(cursor):
            lines.add(macro_line(cursor))
    return sorted(lines)


if __name__ == "__main__":
    if cindex is None:
        print("skipped: libclang 19 is not installed (scripts/setup.sh --clang)", file=sys.stderr)
        sys.exit(77)
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print("\n".join(api_lines(sys.argv[1])))
    except ApiError as error:
        sys.exit(f"api_list.py: {error}")
