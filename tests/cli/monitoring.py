# SPDX-License-Identifier: MIT
"""
What docs/MONITORING.md offers works: the command lines of the unit, of the jobs of CI and of the containers are taken
from their files and run, with the command that was built. Paths of a container become paths of a folder.

    monitoring.py SOURCE SEALMEM SERVICE

SERVICE is the unit of the audit as it is installed. tests/systemd starts it by systemd.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.dom.minidom

import tap

try:
    import yaml
except ImportError:
    yaml = None

# The address and the digest of the static command, which a user of the job writes into it.
OWN = {"SEALMEM_URL", "SEALMEM_SHA256"}

# It has memory that is writable and executable, also when it exits, which the rule of the jobs forbids.
BREAKS_RULE = """
import mmap, os
held = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
os._exit(0)
"""


class Files:
    """The files that are offered, and a copy of the command, as in an image."""

    def __init__(self, source, command, service, place):
        self.source = source
        self.service = service.read_text(encoding="utf-8")
        self.place = place
        self.command = place / "sealmem"
        shutil.copy(command, self.command)
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8"}

    def yaml(self, path):
        if yaml is None:
            raise tap.Skip("python3-yaml is not installed")
        return yaml.safe_load((self.source / "packaging" / path).read_text(encoding="utf-8"))

    def run(self, command, **more):
        more = {"env": self.environment, "timeout": 300, **more}
        return subprocess.run(command, capture_output=True, text=True, check=False, **more)

    @contextlib.contextmanager
    def folder(self):
        with tempfile.TemporaryDirectory(dir=self.place) as folder:
            yield pathlib.Path(folder)


def need(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise tap.Skip(f"{' and '.join(missing)}: not installed")


def metrics(text):
    """The samples of a text that a monitor reads, each with its labels."""
    assert text.endswith("# EOF\n"), text
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


# The unit of systemd


def unit_script(files):
    """The program that /bin/sh gets, as systemd reads it."""
    lines = re.search(r"^ExecStart=(/bin/sh -c .*?) \$SEALMEM_AUDIT$", files.service, re.MULTILINE | re.DOTALL)[1]
    _, _, script, name = shlex.split(lines.replace("\\\n", " ").replace("$$", "$"))
    return re.sub(r"\S+/sealmem audit", f"{files.command} audit", script), name


def audit(files, folder, *options):
    """Runs the unit's program, with one process: a plain user may not read all. systemd splits the options."""
    script, name = unit_script(files)
    script = script.replace("--all", "--self")
    environment = {**files.environment, "SEALMEM_DIRECTORY": str(folder)}
    return files.run(["/bin/sh", "-c", script, name, *options], env=environment)


def test_the_unit_writes_the_numbers_whole(files):
    with files.folder() as folder:
        done = audit(files, folder)
        assert done.returncode == 0, done
        assert metrics((folder / "sealmem.prom").read_text())["sealmem_audit_met"] == "1"
        assert [path.name for path in folder.iterdir()] == ["sealmem.prom"]


def test_the_unit_audits_every_process(files):
    assert "audit --all " in unit_script(files)[0]


def test_a_broken_rule_fails_the_unit_and_is_written(files):
    with files.folder() as folder:
        done = audit(files, folder, "--require", "memfd=/memfd:no such*:CONTENT")
        assert done.returncode == 1, done
        written = metrics((folder / "sealmem.prom").read_text())
        assert written['sealmem_audit_rule_met{rule="memfd=/memfd:no such*:CONTENT"}'] == "0", written


def test_an_audit_that_fails_keeps_the_file_of_the_last(files):
    with files.folder() as folder:
        audit(files, folder)
        before = (folder / "sealmem.prom").read_bytes()
        done = audit(files, folder, "--no-such-option")
        assert done.returncode == 2, done
        assert (folder / "sealmem.prom").read_bytes() == before
        assert [path.name for path in folder.iterdir()] == ["sealmem.prom"]


def test_a_directory_that_is_not_there_fails_the_unit(files):
    with files.folder() as folder:
        done = audit(files, folder / "none")
        assert done.returncode == 2, done


def test_the_timer_starts_the_unit(files):
    timer = (files.source / "packaging/systemd/sealmem-audit.timer").read_text(encoding="utf-8")
    assert "\nOnUnitInactiveSec=" in timer and "\nWantedBy=timers.target\n" in timer


# Prometheus


def alerts(files):
    return [rule for group in files.yaml("monitoring/sealmem.rules.yml")["groups"] for rule in group["rules"]]


def test_the_alerts_name_metrics_and_states_that_the_audit_has(files):
    done = files.run([files.command, "audit", "--self", "--format", "openmetrics", "--require", "no-write-execute"])
    assert done.returncode == 0, done
    written = metrics(done.stdout)
    names = {name.split("{")[0] for name in written}
    states = {state for name in written for state in re.findall(r'state="(\w+)"', name)}

    def faults():
        for rule in alerts(files):
            used = set(re.findall(r"\bsealmem_\w+", rule["expr"]))
            if not used or used - names:
                yield f"{rule['alert']}: {used - names}"
            for value in re.findall(r'state=~?"([\w|]+)"', rule["expr"]):
                if set(value.split("|")) - states:
                    yield f"{rule['alert']}: {value}"

    tap.expect_none(faults())


def test_promtool_accepts_the_alerts_and_their_tests(files):
    need("promtool")
    folder = files.source / "packaging/monitoring"
    for command, name in (("check", "sealmem.rules.yml"), ("test", "sealmem.rules.test.yml")):
        done = files.run(["promtool", command, "rules", folder / name], cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr


# Jobs of CI


def github_scripts(files):
    """The scripts of the steps, and the values that the user sets."""
    work = files.yaml("ci/github.yml")
    steps = [step["run"] for step in work["jobs"]["audit"]["steps"] if "run" in step]
    return steps, work["env"]


def gitlab_scripts(files):
    job = files.yaml("ci/gitlab.yml")["audit"]
    return ["\n".join(job["script"])], job["variables"]


def bash(files, folder, script, environment):
    return files.run(["bash", "-eo", "pipefail", "-c", script], cwd=folder, env=environment)


def run_job(files, folder, scripts, values):
    """The exit status of each script. The job gets the command from a file, by curl as it would from a server."""
    need("curl")
    assert set(values) == OWN
    digest = hashlib.sha256(files.command.read_bytes()).hexdigest()
    environment = {**files.environment, "SEALMEM_URL": files.command.as_uri(), "SEALMEM_SHA256": digest}
    return [bash(files, folder, script, environment).returncode for script in scripts]


def write_program(folder, text):
    (folder / "program").write_text(text, encoding="utf-8")
    (folder / "program").chmod(0o755)


def read_reports(folder):
    """The number of findings in each of the two reports."""
    sarif = json.loads((folder / "audit.sarif").read_text())
    junit = xml.dom.minidom.parse(str(folder / "audit.xml")).documentElement
    return len(sarif["runs"][0]["results"]), int(junit.getAttribute("failures"))


def check_job(files, scripts_of):
    scripts, values = scripts_of(files)
    with files.folder() as folder:
        write_program(folder, "#!/bin/sh\nexit 0\n")
        statuses = run_job(files, folder, scripts, values)
        assert not any(statuses), statuses
        assert read_reports(folder) == (0, 0)
        write_program(folder, f"#!{sys.executable}\n{BREAKS_RULE}")
        statuses = run_job(files, folder, scripts, values)
        assert statuses[-1] == 1, statuses
        findings, failures = read_reports(folder)
        assert findings > 0 and failures > 0, (findings, failures)


def test_the_job_of_GitHub_passes_and_fails_with_the_rule_and_reports_both(files):
    check_job(files, github_scripts)


def test_the_job_of_GitLab_passes_and_fails_with_the_rule_and_reports_both(files):
    check_job(files, gitlab_scripts)


def test_a_job_takes_no_other_command_than_the_one_of_its_digest(files):
    for scripts_of in (github_scripts, gitlab_scripts):
        scripts, values = scripts_of(files)
        with files.folder() as folder:
            need("curl")
            write_program(folder, "#!/bin/sh\nexit 0\n")
            environment = {**files.environment, **values, "SEALMEM_URL": files.command.as_uri()}
            done = bash(files, folder, scripts[0], environment)
            assert done.returncode != 0, done
            assert not (folder / "audit.sarif").exists()


def test_each_report_of_a_job_is_uploaded(files):
    steps = files.yaml("ci/github.yml")["jobs"]["audit"]["steps"]
    uploads = [step["with"] for step in steps if "with" in step]
    assert {"audit.sarif", "audit.xml"} == {each.get("sarif_file", each.get("path")) for each in uploads}
    artifacts = files.yaml("ci/gitlab.yml")["audit"]["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["paths"] + [artifacts["reports"]["junit"]] == ["audit.sarif", "audit.xml"]


# Kubernetes


def pod_of(document):
    return document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]


def containers(pod):
    return pod.get("initContainers", []) + pod["containers"]


class Node:
    """A pod in a folder: each volume is a folder of it, and each mount path is the path of its volume."""

    def __init__(self, files, folder, pod):
        self.files = files
        self.volumes = {volume["name"]: folder / volume["name"] for volume in pod["volumes"]}
        for path in self.volumes.values():
            path.mkdir()

    def command(self, container):
        paths = {mount["mountPath"]: str(self.volumes[mount["name"]]) for mount in container["volumeMounts"]}
        paths["/usr/bin/sealmem"] = str(self.files.command)
        pattern = re.compile("|".join(rf"(?<![\w/]){re.escape(path)}(?=[/\s]|$)" for path in paths))
        words = container["command"] + container.get("args", [])
        return [pattern.sub(lambda match: paths[match[0]], word) for word in words]


def test_the_examples_of_Kubernetes_mount_the_volumes_that_they_have(files):
    def faults():
        for path in sorted((files.source / "packaging/kubernetes").glob("*.yml")):
            pod = pod_of(files.yaml(f"kubernetes/{path.name}"))
            mounted = {mount["name"] for container in containers(pod) for mount in container["volumeMounts"]}
            declared = {volume["name"] for volume in pod["volumes"]}
            if mounted != declared:
                yield f"{path.name}: {mounted ^ declared}"

    tap.expect_none(faults())


def test_an_init_container_gives_a_program_the_command_and_its_secret(files):
    pod = pod_of(files.yaml("kubernetes/init-container.yml"))
    with files.folder() as folder:
        node = Node(files, folder, pod)
        # Kubernetes keeps the files of a secret in another folder, and links to them.
        (node.volumes["token"] / "..data").mkdir()
        (node.volumes["token"] / "..data/token").write_text("open sesame\n")
        (node.volumes["token"] / "token").symlink_to("..data/token")
        for container in pod["initContainers"]:
            done = files.run(node.command(container))
            assert done.returncode == 0, done
        done = files.run(node.command(pod["containers"][0]))
        assert done.returncode == 0, done
        digest, path = done.stdout.split()
        assert digest == hashlib.sha256(b"open sesame\n").hexdigest()
        assert path.startswith("/proc/"), path


def test_the_containers_of_that_pod_have_no_privileges(files):
    for container in containers(pod_of(files.yaml("kubernetes/init-container.yml"))):
        context = container["securityContext"]
        assert context["runAsNonRoot"] and not context["allowPrivilegeEscalation"] and context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}


def wait_for(condition):
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def test_the_DaemonSet_writes_the_numbers_again_and_again(files):
    pod = pod_of(files.yaml("kubernetes/audit.yml"))
    assert pod["hostPID"]
    with files.folder() as folder:
        node = Node(files, folder, pod)
        words = node.command(pod["containers"][0])
        assert "sleep 300" in words[-1]
        words[-1] = words[-1].replace("sleep 300", "sleep 0.1")
        file = node.volumes["metrics"] / "sealmem.prom"
        # The audit of every process, by a user who may not read them, breaks its rule: the numbers are written.
        running = subprocess.Popen(words, stderr=subprocess.DEVNULL, env=files.environment, start_new_session=True)
        try:
            wait_for(file.exists)
            first = file.stat().st_mtime_ns
            written = metrics(file.read_text())
            wait_for(lambda: file.stat().st_mtime_ns != first)
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        assert 'sealmem_audit_rule_met{rule="no-write-execute"}' in written


def main():
    source, command, service = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    with tempfile.TemporaryDirectory() as place:
        return tap.run(sys.modules[__name__], Files(source, command, service, pathlib.Path(place)))


sys.exit(main())
