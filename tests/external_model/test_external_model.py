#!/usr/bin/env python3
"""A model in a repository of its own, with nothing but the package: `cpack`'s .deb unpacked, the sample copied out of the tree.

usage: test_external_model.py BUILD_FOLDER GOLDENS WORK CXX LAUNCHER FLAGS
"""
import json
import pathlib
import shutil
import subprocess
import sys

build, goldens, work, compiler, launcher, flags = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), *sys.argv[4:]
SAMPLE = pathlib.Path(__file__).resolve().parent / "sample"
USE_TEXT = SAMPLE.parents[1] / "consumer" / "components" / "use_text.cpp"

# What another release's plug-in looks like to the program: the name of an interface it does not have comes first.
OTHER_MAJOR = """
struct entry { const char* abi; const char* model_type; void* build; };
extern "C" const entry* ttt_model_entry() {
  static const entry other{%s, "sample_decoder", nullptr};
  return &other;
}
"""


def run(*arguments):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, cwd=work)


def ok(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, f"{' '.join(map(str, arguments))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def unpack_package():
    """The .deb and the .tar.gz hold the same files; the .deb's are used. Returns their prefix."""
    ok("cpack", "--config", build / "CPackConfig.cmake", "-B", work / "packages")
    (deb,), (tar,) = (work / "packages").glob("*.deb"), (work / "packages").glob("*.tar.gz")
    fields = ok("dpkg-deb", "--field", deb)
    assert "Package: ttt\n" in fields and "Depends: libc6" in fields, fields
    ok("dpkg-deb", "--extract", deb, work / "package")
    prefix = work / "package" / "usr"
    in_deb = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
    top, in_tar = tar.name.removesuffix(".tar.gz"), set()
    for name in ok("tar", "-tzf", tar).splitlines():
        if not name.endswith("/"):
            in_tar.add(name.removeprefix("./").removeprefix(top + "/"))
    assert in_deb == in_tar, in_deb ^ in_tar
    return prefix


def make_checkpoint():
    """A golden checkpoint, of a model_type that the program does not know."""
    folder = work / "goldens" / "sample"
    shutil.copytree(goldens / "llama-default", folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "sample_decoder"}))
    return folder


def check_pkg_config(prefix):
    """The library without CMake, and its tokenizers."""
    source = work / "version.cpp"
    source.write_text('#include <ttt/core/version.h>\n#include <iostream>\nint main() { std::cout << ttt::version() << "\\n"; }\n')
    (folder,) = prefix.rglob("pkgconfig")
    options = ok("env", f"PKG_CONFIG_PATH={folder}", "pkg-config", "--static", "--cflags", "--libs", "ttt").split()
    assert f"-I{prefix}" in " ".join(options).replace("/lib/pkgconfig/../..", ""), options
    ok(compiler, "-std=c++20", *flags.split(), source, *options, "-o", work / "version")
    asked = ok("env", f"PKG_CONFIG_PATH={folder}", "pkg-config", "--modversion", "ttt").strip()
    assert ok(work / "version").startswith(asked), asked
    if not (folder / "ttt-text.pc").exists():
        print("pkg-config ttt-text: not tried, this build has no text component")
        return
    options = ok("env", f"PKG_CONFIG_PATH={folder}", "pkg-config", "--static", "--cflags", "--libs", "ttt-text").split()
    ok(compiler, "-std=c++20", *flags.split(), USE_TEXT, *options, "-o", work / "use_text")
    ok(work / "use_text")


def check_model(prefix, checkpoint):
    program = prefix / "bin" / "ttt"
    shutil.copytree(SAMPLE, work / "sample")
    folder = work / "sample" / "build"
    generate = [program, "generate", "--model", checkpoint, "--ids", "5,6,7", "--max-tokens", 4, "--temperature", 0]
    unknown = run(*generate)
    assert unknown.returncode == 1 and "sample_decoder" in unknown.stderr, unknown
    ok("cmake", "-S", work / "sample", "-B", folder, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler}",
       f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}", f"-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror {flags}", f"-DTTT_GOLDENS={checkpoint.parent}")
    ok("cmake", "--build", folder, "-j", 2)
    ok("ctest", "--test-dir", folder, "--output-on-failure", "--no-tests=error")
    given = ok(*generate, "--model-path", folder)
    golden = json.loads(ok(program, "compare", "--model", checkpoint, "--golden", checkpoint / "golden.safetensors", "--precision", "exact",
                           "--model-path", folder, "--json"))
    assert golden["max_abs_diff"] <= 5e-4 and golden["greedy_match"] == golden["greedy_total"] > 0, golden
    # Installed beside the program, it is found without being named, and wherever the package is moved to.
    ok("cmake", "--install", folder, "--prefix", prefix)
    moved = work / "moved"
    prefix.rename(moved)
    generate[0] = moved / "bin" / "ttt"
    assert ok(*generate) == given != ""
    print(f"external model: {given.strip()}; max_abs_diff {golden['max_abs_diff']:.1e}")
    return generate


def check_other_majors(generate):
    for name, abi in (("next", '"ttt-model-3.0"'), ("none", "nullptr")):
        folder = work / name
        folder.mkdir()
        (folder / "entry.cpp").write_text(OTHER_MAJOR % abi)
        ok(compiler, "-shared", "-fPIC", folder / "entry.cpp", "-o", folder / "libttt_model_sample_decoder.so")
        refused(run(*generate, "--model-path", folder), "was built for the interface")


def refused(done, says):
    assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") == 1, done


def check_broken_plugins(generate, good):
    """Each is refused, and one that stands before a good one does not hide it."""
    whole = good.read_bytes()
    header = "#include <ttt/patterns/model_entry.h>\n#include <stdexcept>\n"
    entry = 'extern "C" const ttt::ModelEntry* ttt_model_entry() { %s }\n'
    for name, content, says in (
        ("empty", b"", "is not a shared library"),
        ("text", b"no library at all", "is not a shared library"),
        ("half", whole[: len(whole) // 2], "is cut off"),
        ("header", whole[:64], "is cut off"),
        ("end", whole[:-1], "is cut off"),
        ("silent", "int nothing;\n", "exports no ttt_model_entry"),
        ("null", header + entry % "return nullptr;", "was built for the interface of nothing"),
        ("throws", header + entry % 'throw std::runtime_error("no");', "threw an exception"),
        ("hollow", header + entry % 'static const ttt::ModelEntry e{.abi = ttt::kModelAbi, .model_type = "sample_decoder", .build = nullptr}; return &e;',
         "has no model_type or no build"),
    ):
        folder = work / f"broken-{name}"
        folder.mkdir()
        library = folder / "libttt_model_broken.so"
        if isinstance(content, bytes):
            library.write_bytes(content)
        else:
            (folder / "entry.cpp").write_text(content)
            ok(compiler, "-std=c++20", "-shared", "-fPIC", f"-I{work / 'moved' / 'include'}", folder / "entry.cpp", "-o", library)
        # The good one is installed beside the program; without it there is only what was refused.
        done = run(*generate, "--model-path", folder)
        assert done.returncode == 0 and says in done.stderr and "warning" in done.stderr, (name, done)
        aside = good.with_suffix(".aside")
        good.rename(aside)
        refused(run(*generate, "--model-path", folder), says)
        aside.rename(good)


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
package = unpack_package()
check_pkg_config(package)
command = check_model(package, make_checkpoint())
(installed,) = (work / "moved").rglob("libttt_model_sample*.so")
check_broken_plugins(command, installed)
installed.unlink()
check_other_majors(command)
