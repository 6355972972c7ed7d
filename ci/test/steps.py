"""steps.py: the CI templates as their runners read them.

    steps.py check FILE...              is each whole and consistent? One line for the first thing that is not
    steps.py steps FILE [NAME=VALUE...] the shell steps of a composite action, a workflow or a job template,
                                        as a script that runs them one after the other, each in a shell of its
                                        own as the runner starts it; NAME=VALUE are an action's inputs, or the
                                        variables of a job that extends the template
"""
import pathlib
import re
import shlex
import sys

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


class Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would keep the last, and leaves `on:` a word."""


def mapping(loader, node):
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key.value} stands twice", key.start_mark)
        seen.add(key.value)
    return {("on" if key.value == "on" else loader.construct_object(key)): loader.construct_object(value, deep=True)
            for key, value in node.value}


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def wrong(where, what):
    sys.exit(f"{where}: {what}")


def load(path, text=None):
    try:
        return yaml.load(text if text is not None else pathlib.Path(path).read_text(), Loader)
    except yaml.YAMLError as problem:
        wrong(path, f"no YAML: {' '.join(str(problem).split())}")


def kind_of(path, top):
    if not isinstance(top, dict):
        wrong(path, "no mapping")
    if top.get("runs", {}).get("using") == "composite":
        return "action"
    if "jobs" in top and "on" in top:
        return "workflow"
    if any(isinstance(job, dict) and ("script" in job or "extends" in job) for job in top.values()):
        return "gitlab"
    wrong(path, "neither a composite action nor a workflow nor a GitLab template")


def expressions(value):
    if isinstance(value, dict):
        return [one for part in value.values() for one in expressions(part)]
    if isinstance(value, list):
        return [one for part in value for one in expressions(part)]
    return EXPRESSION.findall(value) if isinstance(value, str) else []


def check_step(where, step, in_action):
    if ("run" in step) == ("uses" in step):
        wrong(where, "a step wants one of run and uses")
    if "run" in step and EXPRESSION.search(step["run"]):
        wrong(where, "an expression in a run is text of strangers in a shell; hand it over by env")
    if "run" in step and in_action and step.get("shell") != "bash":
        wrong(where, "a run of an action wants shell: bash")
    if "uses" in step and not re.fullmatch(r"[\w.-]+/[\w./-]+@[\w.-]+", step["uses"]):
        wrong(where, f"uses {step['uses']}, which is no owner/name@version")


def check_action(path, top):
    for key in ("name", "description", "inputs"):
        if not top.get(key):
            wrong(path, f"has no {key}")
    for name, one in top["inputs"].items():
        if not one.get("description") or (not one.get("required") and "default" not in one):
            wrong(path, f"input {name} wants a description, and a default or required: true")
        if not isinstance(one.get("default", ""), str):
            wrong(path, f"the default of input {name} is no text; put it in quotes")
    for i, step in enumerate(top["runs"]["steps"]):
        check_step(f"{path}: step {i}", step, True)
    used = {word[7:] for word in expressions(top["runs"]) if word.startswith("inputs.")}
    for name in used - set(top["inputs"]):
        wrong(path, f"uses input {name}, which it does not declare")
    for name in set(top["inputs"]) - used:
        wrong(path, f"declares input {name} and does not use it")


def check_use(path, step):
    """A step that uses our own action: does it have that input?"""
    place = re.fullmatch(r"OWNER/ashlar/(.*)@.*", step.get("uses", ""))
    if place is None:
        return False
    action = pathlib.Path(__file__).resolve().parents[2] / place[1] / "action.yml"
    if not action.is_file():
        wrong(path, f"uses {place[1]}, where there is no action.yml")
    inputs = load(action)["inputs"]
    given = step.get("with", {})
    for name in set(given) - set(inputs):
        wrong(path, f"gives input {name}, which {place[1]} does not have")
    for name, one in inputs.items():
        if one.get("required") and name not in given:
            wrong(path, f"lacks input {name} of {place[1]}")
    return True


def check_workflow(path, top):
    uses = 0
    for name, job in top["jobs"].items():
        if not job.get("runs-on") or not job.get("steps"):
            wrong(path, f"job {name} wants runs-on and steps")
        for i, step in enumerate(job["steps"]):
            check_step(f"{path}: job {name} step {i}", step, False)
            uses += check_use(path, step)
    if uses != 1:
        wrong(path, f"uses the action {uses} times, not once")


def check_gitlab(path, top):
    for name, job in top.items():
        if name in ("include", "stages", "variables"):
            continue
        for key in ("before_script", "script"):
            for line in job.get(key, []):
                if not isinstance(line, str):
                    wrong(path, f"{name}: a line of {key} is {type(line).__name__}, not text; put it in quotes")
        if "extends" in job:
            continue
        artifacts = job.get("artifacts") or {}
        if not (artifacts.get("reports") or {}).get("junit"):
            wrong(path, f"{name} hands no JUnit report over")
        if artifacts.get("when") != "always":
            wrong(path, f"{name} keeps no results of a gate that failed")
        for key, value in job.get("variables", {}).items():
            if not isinstance(value, str):
                wrong(path, f"{name}: variable {key} is no text; put it in quotes")


CHECKS = {"action": check_action, "workflow": check_workflow, "gitlab": check_gitlab}


def check_text(path, text=None):
    top = load(path, text)
    kind = kind_of(path, top)
    CHECKS[kind](path, top)
    return kind


def check(paths):
    for path in paths:
        if path.endswith(".md"):
            blocks = re.findall(r"^```yaml\n(.*?)^```", pathlib.Path(path).read_text(), re.S | re.M)
            kinds = [check_text(f"{path}: block {i}", block) for i, block in enumerate(blocks)]
            print(f"{path}: {' '.join(kinds)}")
        else:
            print(f"{path}: {check_text(path)}")


def value_of(text, inputs):
    def one(match):
        name = match[1]
        if not name.startswith("inputs.") or name[7:] not in inputs:
            sys.exit(f"nobody says what {name} is")
        return inputs[name[7:]]
    return EXPRESSION.sub(one, text)


def shell_steps(top, kind, given):
    if kind == "gitlab":
        (job,) = [job for job in top.values() if "script" in job]
        # GitLab runs all lines of both in one shell that stops at the first failure.
        yield {**job.get("variables", {}), **given}, "\n".join(job.get("before_script", []) + job["script"])
        return
    inputs = {name: one.get("default", "") for name, one in top.get("inputs", {}).items()}
    inputs.update(given)
    jobs = [top["runs"]] if kind == "action" else list(top["jobs"].values())
    for step in (step for job in jobs for step in job["steps"] if "run" in step):
        yield {key: value_of(value, inputs) for key, value in step.get("env", {}).items()}, step["run"]


def steps(path, *given):
    top = load(path)
    print("set -e")
    for env, script in shell_steps(top, kind_of(path, top), dict(one.split("=", 1) for one in given)):
        # A variable of a GitLab job may be made of others.
        words = " ".join(f'{key}="{value}"' if value.startswith("$") else f"{key}={shlex.quote(value)}"
                         for key, value in env.items())
        print(f"env {words} bash --noprofile --norc -eo pipefail -c {shlex.quote(script)}")


if __name__ == "__main__":
    {"check": lambda *paths: check(paths), "steps": steps}[sys.argv[1]](*sys.argv[2:])
