#!/usr/bin/env python3
"""Edits that break a promise are found, each by the check that watches it: done to a copy, with the messages read.

usage: test_edits.py SOURCE_FOLDER CXX WORK [PROGRAM_WITHOUT_A_FIELD GOLDENS]
"""
import datetime
import pathlib
import shutil
import subprocess
import sys
import unittest

import api_list
import check_promises
import deprecations
import program_lists

source, compiler, work = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
HERE = pathlib.Path(__file__).resolve().parent


def edited_copy(name, file, before, after):
    """A copy of src/ with one edit."""
    copy = work / name
    shutil.copytree(source / "src" / "ttt", copy / "ttt")
    path = copy / "ttt" / file
    text = path.read_text()
    assert text.count(before) == 1, f"{file} has no single {before!r} to edit"
    path.write_text(text.replace(before, after))
    return copy


def messages(kind, now):
    baseline = (HERE / "baseline" / f"{kind}.txt").read_text().splitlines()
    return check_promises.differences(kind, baseline, now, *check_promises.listed_changes(HERE / "baseline" / "changes.txt", kind))


@unittest.skipIf(api_list.cindex is None, "libclang 19 is not installed (scripts/setup.sh --clang)")
class Headers(unittest.TestCase):
    def finds(self, name, file, before, after, *expected):
        found = "\n".join(messages("api", api_list.api_lines(edited_copy(name, file, before, after))))
        for words in ("promises the symbols of the public headers", *expected):
            self.assertIn(words, found)

    def test_a_parameter_that_is_removed(self):
        self.finds("parameter", "core/dtype.h", "row_bytes(DType dtype, std::uint64_t elements)", "row_bytes(DType dtype)",
                   "changed: function ttt::row_bytes(DType, std::uint64_t)", "now: function ttt::row_bytes(DType)")

    def test_a_symbol_that_is_renamed(self):
        self.finds("symbol", "core/dtype.h", "std::optional<DType> parse_dtype(", "std::optional<DType> dtype_named(",
                   "gone: function ttt::parse_dtype", "new, and promised from now on", "ttt::dtype_named")

    def test_a_layout_that_changes(self):
        self.finds("layout", "core/dtype.h", "std::uint32_t block_size; ", "std::uint64_t block_size; ",
                   "changed: field ttt::DTypeInfo::block_size: std::uint32_t", "changed: field ttt::DTypeInfo::block_bytes",
                   "changed: class ttt::DTypeInfo")

    def test_a_value_that_moves(self):
        self.finds("value", "core/log.h", "{ debug, info, warning }", "{ debug, warning, info }", "changed: value ttt::LogLevel::info = 1")

    def test_a_constant_of_another_value(self):
        self.finds("constant", "patterns/model_entry.h", '"ttt-model-2.0"', '"ttt-model-2.1"',
                   'changed: constant ttt::kModelAbi: const char[14] = "ttt-model-2.0"', '= "ttt-model-2.1"')

    def test_a_macro_of_another_value(self):
        self.finds("macro", "core/version.h", "TTT_VERSION_MAJOR * 10000", "TTT_VERSION_MAJOR * 1000", "changed: macro TTT_VERSION = ")

    def test_the_next_version_breaks_nothing(self):
        copy = edited_copy("version", "core/version.h", "TTT_VERSION_MINOR 0", "TTT_VERSION_MINOR 1")
        self.assertEqual(messages("api", api_list.api_lines(copy)), [])

    def test_a_comment_breaks_nothing(self):
        copy = edited_copy("comment", "core/dtype.h", "/// All dtypes,", "/// Every dtype,")
        self.assertEqual(messages("api", api_list.api_lines(copy)), [])


@unittest.skipIf(api_list.cindex is None, "libclang 19 is not installed (scripts/setup.sh --clang)")
class Deprecations(unittest.TestCase):
    MESSAGE = "use width; removed in 3.0, not before 2028-02-01"
    CHANGELOG = "# Changes\n\n## 2.1.0 (2027-01-15)\n\n- `row_bytes` is\n  deprecated\n\n## 2.0.0 (2026-12-01)\n\n- `row_bytes`\n"

    def added(self, name, before, after):
        """Of an edit that is an addition and nothing else: the line that it adds."""
        found = messages("api", api_list.api_lines(edited_copy(name, "core/dtype.h", before, after)))
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith("new, and promised from now on"), found)
        return found[0].split(": + api ", 1)[1]

    def problems(self, message, changelog=CHANGELOG, migration="`row_bytes` -> `width`", today="2027-01-15"):
        lines = ["macro TTT_VERSION_MAJOR = 2", f"deprecated ttt::row_bytes: {message}"]
        return "\n".join(deprecations.problems(lines, changelog, migration, datetime.date.fromisoformat(today)))

    def test_one_as_it_should_be_is_an_addition(self):
        declaration = "std::optional<std::uint64_t> row_bytes("
        self.assertEqual(self.added("deprecated", declaration, f'[[deprecated("{self.MESSAGE}")]] {declaration}'),
                         f"deprecated ttt::row_bytes: {self.MESSAGE}")
        self.assertEqual(self.problems(self.MESSAGE), "")

    def test_a_message_that_does_not_say_enough(self):
        self.assertIn('ttt::row_bytes: expected "use X; removed in N.0, not before YYYY-MM-DD", got "use width"',
                      self.problems("use width"))
        self.assertIn("expected", self.problems("use width; removed in 3.0, not before 2028-02-31"))
        self.assertIn("2.0 is no later major version than 2", self.problems(self.MESSAGE.replace("3.0", "2.0")))

    def test_a_date_that_comes_too_soon(self):
        soon = self.MESSAGE.replace("2028-02-01", "2028-01-01")
        self.assertIn("2028-01-01 is less than 12 months after the version that deprecates it (2027-01-15)", self.problems(soon))
        unreleased = self.CHANGELOG.replace("2027-01-15", "unreleased")
        self.assertIn("less than 12 months", self.problems(self.MESSAGE, unreleased, today="2027-02-02"))
        self.assertEqual(self.problems(self.MESSAGE, unreleased, today="2027-02-01"), "")

    def test_one_that_no_document_mentions(self):
        self.assertIn('CHANGELOG.md has no item with "row_bytes" and "deprecated"',
                      self.problems(self.MESSAGE, self.CHANGELOG.replace("deprecated", "faster")))
        self.assertIn('docs/migration.md does not mention "row_bytes"', self.problems(self.MESSAGE, migration="`all_row_bytes`"))

    def test_fields_and_enumerators(self):
        field, value = "std::uint32_t block_size; ", "  bfp4,\n};"
        self.assertEqual(self.added("field", field, f'[[deprecated("use x")]] {field}'), "deprecated ttt::DTypeInfo::block_size: use x")
        self.assertEqual(self.added("enumerator", value, '  bfp4 [[deprecated("use x")]],\n};'), "deprecated ttt::DType::bfp4: use x")


@unittest.skipIf(shutil.which("abidiff") is None, "abidiff is not installed (scripts/setup.sh --clang)")
class BinaryInterface(unittest.TestCase):
    """On core alone, which is compiled in seconds."""

    def library(self, root, name):
        library = work / f"{name}.so"
        subprocess.run([compiler, "-std=c++20", "-g", "-O0", "-fPIC", "-shared", "-DFMT_HEADER_ONLY", f"-I{root}",
                        f"-Wl,--version-script={source / 'src' / 'exported_symbols.map'}",
                        *sorted(map(str, (root / "ttt" / "core").glob("dtype.cpp"))), "-o", str(library)], check=True)
        return library

    def abi(self, action, library, root):
        return subprocess.run([sys.executable, HERE / "abi.py", action, work / "core.abi.xz", library, root], capture_output=True, text=True)

    def test_layout(self):
        root = source / "src"
        same = self.library(root, "same")
        self.assertEqual(self.abi("write", same, root).returncode, 0)
        unchanged = self.abi("check", same, root)
        self.assertEqual(unchanged.returncode, 0, unchanged.stdout)
        copy = edited_copy("abi", "core/dtype.h", "std::uint32_t block_size; ", "std::uint64_t block_size; ")
        changed = self.abi("check", self.library(copy, "changed"), copy)
        self.assertEqual(changed.returncode, 1, changed.stdout)
        for words in ("block_size", "promises the binary interface of changed.so"):
            self.assertIn(words, changed.stdout)


@unittest.skipIf(len(sys.argv) < 6, "no program of an edited source")
class Json(unittest.TestCase):
    def test_a_field_that_is_dropped(self):
        found = messages("json", program_lists.json_fields(sys.argv[4], sys.argv[5]))
        self.assertEqual(len(found), 1, found)
        self.assertIn("promises the fields of the program's JSON within a major version; gone: devices .devices[].isa: string", found[0])


class CommandLine(unittest.TestCase):
    """On a program that only prints this help."""

    HELP = """Usage: ttt --model PATH [options] [text...]

Options:
  --model PATH                a model; else what HF_MODEL says; required
  text TEXT ...               the text

Environment:
  TTT_CPU_ISA                 a level
"""

    def lines(self, help_text):
        program = work / "program"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{help_text}END\n")
        program.chmod(0o755)
        return set(program_lists.command_line(program, ()))

    def gone(self, before, after):
        return self.lines(self.HELP) - self.lines(self.HELP.replace(before, after))

    def test_an_argument_that_is_dropped(self):
        self.assertEqual(self.gone("  text TEXT ...               the text\n", ""), {"argument text TEXT ..."})

    def test_environment_variables_that_are_dropped(self):
        self.assertEqual(self.gone("TTT_CPU_ISA", "TTT_CPU"), {"environment TTT_CPU_ISA"})
        self.assertEqual(self.gone("; else what HF_MODEL says", ""), {"environment HF_MODEL"})

    def test_a_flag_that_becomes_required(self):
        before = program_lists.usage(self.HELP)
        self.assertEqual(before, "--model PATH [options] [text...]")
        self.assertNotEqual(program_lists.usage(self.HELP.replace("[options]", "--ids IDS [options]")), before)


class Lists(unittest.TestCase):
    def test_listed_changes(self):
        compare = check_promises.differences
        self.assertEqual(compare("cli", ["a"], ["a", "b"], {"b"}, set()), [])
        self.assertEqual(compare("cli", ["a", "b"], ["a"], set(), {"b"}), [])
        self.assertIn("lists a change that is none", compare("cli", ["a"], ["a"], {"b"}, set())[0])
        self.assertIn("gone: a", compare("cli", ["a"], [], set(), set())[0])


if __name__ == "__main__":
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    unittest.main(argv=sys.argv[:1], verbosity=2)
