"""What the tests of `ttt migrate` share: the samples, the committed answers, and inputs that are broken on purpose."""
import os
import pathlib
import random
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
import support  # noqa: E402

PROGRAM = pathlib.Path(support.PROGRAM).resolve()  # some tests run in another folder

V1_VARIABLES = ("HF_MODEL", "MESH_DEVICE", "TT_CACHE_PATH", "MAX_PREFILL_CHUNK_SIZE", "PAD_MLP_CORES", "DISABLE_DI_DT_WORKAROUND")


def environment(**variables):
    """This one without version 1's variables, and with these."""
    return {key: value for key, value in os.environ.items() if key not in V1_VARIABLES} | variables


def expected(name):
    return (HERE / "expected" / name).read_text()


def broken(text, step, seed=1):
    """The bytes cut short at every `step`, with a byte changed, and noise of the same length."""
    noise = random.Random(seed)
    for end in range(0, len(text), step):
        yield text[:end]
        changed = bytearray(text)
        changed[end] = noise.randrange(256)
        yield bytes(changed)
    yield noise.randbytes(len(text))


class Case(support.Case):
    def samples(self):
        folder = self.folder / "samples"
        shutil.copytree(HERE / "samples", folder, dirs_exist_ok=True)
        return folder

    def ends_well(self, *arguments, codes=(0, 1), **options):
        """Ends with one of these codes, errors in one line: no crash, whatever it was given."""
        done = subprocess.run([PROGRAM, "migrate", *map(str, arguments)], capture_output=True, errors="replace", text=True, **options)
        self.assertIn(done.returncode, codes, f"{arguments}: {done.stderr}")
        errors = [line for line in done.stderr.splitlines() if not line.startswith("ttt: warning: ")]
        self.assertEqual(len(errors), int(done.returncode == 1), done.stderr)
        return done
