"""The databases and roles of an emulated branch, made and removed."""

from seedbed.branching.neon.emulator.cloud import Cloud, Refusal, new_password
from seedbed.branching.neon.emulator.records import Branch, Operation


def add_database(cloud: Cloud, branch: Branch, name: str, owner: str) -> list[Operation]:
    cloud.see_idle()
    if name in branch.databases:
        raise Refusal(409, "", "database already exists")
    branch.databases[name] = owner
    return [cloud.begin("apply_config", lambda: cloud.storage.make(branch.place(name), owner), branch)]


def remove_database(cloud: Cloud, branch: Branch, name: str) -> list[Operation]:
    cloud.see_idle()
    del branch.databases[name]
    return [cloud.begin("apply_config", lambda: cloud.storage.drop(branch.place(name)), branch)]


def add_role(cloud: Cloud, branch: Branch, name: str) -> list[Operation]:
    cloud.see_idle()
    if name in branch.passwords:
        raise Refusal(409, "", "role already exists")
    branch.passwords[name] = new_password()
    return [cloud.begin("apply_config", lambda: cloud.storage.make_role(name, cloud.inner), branch)]


def renew_password(cloud: Cloud, branch: Branch, role: str) -> list[Operation]:
    cloud.see_idle()
    branch.passwords[role] = new_password()
    return [cloud.begin("apply_config", lambda: None, branch)]


def remove_role(cloud: Cloud, branch: Branch, role: str) -> list[Operation]:
    cloud.see_idle()
    if role in branch.databases.values():
        raise Refusal(422, "", "role owns a database")
    del branch.passwords[role]
    return [cloud.begin("apply_config", lambda: None, branch)]
