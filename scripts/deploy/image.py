"""The image: its Dockerfile, and what it would hold, laid out by the script that lays it out in there."""

import os
import pathlib
import re
import shutil
import subprocess

from deploy import tools
from deploy.outcome import Refused

FOLDER = pathlib.Path("image")
NOBODY = "65532:65532"


def check_dockerfile(root):
    """hadolint, checkov, and what neither asks: an empty last stage, no root, bases by digest."""
    file = root / FOLDER / "Dockerfile"
    code, output = tools.call(tools.of_chart("hadolint"), "--no-color", "--failure-threshold", "style", file)
    problems = [output.strip()] if code or output.strip() else []
    problems += dockerfile_problems(file.read_text(encoding="utf-8"))
    problems += build_problems((root / FOLDER / "build").read_text(encoding="utf-8"))
    if problems:
        raise Refused("\n".join(problems))
    tools.checkov(root / FOLDER, "dockerfile", root / "scripts/deploy/checkov-dockerfile.txt")


def dockerfile_problems(text):
    """What is wrong with a Dockerfile's last stage and its bases."""
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    bases = [stage.split()[0] for stage in stages]
    named = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.M))
    found = [f"{base} has no digest" for base in bases
             if base != "scratch" and base not in named and not re.search(r"@sha256:[0-9a-f]{64}$", base)]
    if not stages or bases[-1] != "scratch":
        return [*found, "the image begins with somebody else's"]
    users = re.findall(r"^USER (\S+)$", stages[-1], re.M)
    if not users or users[-1].split(":")[0] in ("root", "0"):
        found.append("runs as root")
    if re.search(r"^(ADD|RUN|VOLUME)\b", stages[-1], re.M) or not re.search(r"^COPY --from=\S+ /rootfs/ /$", stages[-1], re.M):
        found.append("holds something else than what image/assemble lays out")
    if "RUN image/build && image/assemble /rootfs " not in text:
        found.append("is not built by image/build")
    return found


def build_problems(text):
    """What is wrong with how the programs are built: locked, listed within themselves, without paths, and each by itself."""
    builds = re.findall(r"^\s*(cargo .*)$", text, re.M)
    found = [] if builds == ['cargo auditable build --locked --release --package "$package"'] else [
        f"the programs are not built locked, auditable and each by itself: {'; '.join(builds)}"]
    if text.count("-prefix-map=$PWD=") + text.count("--remap-path-prefix=$PWD=") != 2 or "export RUSTFLAGS CFLAGS" not in text:
        found.append("paths of the machine would be in what is built")
    return found


def assemble(root, target, *binaries):
    """Lays out the image's files below a folder."""
    ended = subprocess.run([root / FOLDER / "assemble", target, *binaries], text=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"]})
    if ended.returncode:
        raise Refused(f"image/assemble: {ended.stdout.strip()}")


def entering(target):
    """The start of a command that runs in there as the image's user."""
    return [shutil.which("chroot"), f"--userspec={NOBODY}", str(target)]
