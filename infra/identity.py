"""What an operator does with credentials of the AWS account: the first administrator, one who forgot the password, and
keys that may be stolen.

    python -m infra.identity first-admin ada --table hotswap
    python -m infra.identity recover-admin ada --table hotswap
    python -m infra.identity rotate-token-keys --table hotswap --secret hotswap/signing-keys [--at-once]

The temporary password is printed once, to this terminal. It is good for 72 hours and lets its owner do one thing: choose
a password of their own. Whoever may not write to the table is refused by AWS; there is no other way in.
"""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import wiring
from chalicelib.domain.access import ALL_ENVIRONMENTS, Role
from chalicelib.domain.errors import AlreadyExists, DomainError, NotAllowed, NotFound
from chalicelib.domain.identity import TEMPORARY_PASSWORD_MS, USERNAME_RULE, User, is_username
from chalicelib.settings import Settings
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.create_user import create_user
from chalicelib.usecases.limit_guesses import forget_guesses
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.rotate_token_keys import rotate_token_keys


def first_admin(username: str, *, operator: str, ports: Ports) -> str:
    """The temporary password of a new administrator, where there is none who could invite them.

    Raises:
        AlreadyExists: there is an administrator who can log in, or the name is taken.
        ValueError: nobody may be called so.
    """
    if not is_username(username):
        raise ValueError(f"the user name {USERNAME_RULE}")
    cursor = None
    while True:
        page = ports.store.page(User, "lists", "USERS", limit=100, cursor=cursor)
        for user in page.records:
            if _is_administrator(user):
                raise AlreadyExists("administrator", user.username)
        cursor = page.cursor
        if cursor is None:
            break
    password = secrets.token_urlsafe(18)
    create_user(
        username,
        password,
        (Role.ADMIN,),
        created_by=f"operator:{operator}",
        is_temporary=True,
        passwords=wiring.passwords(),
        ports=ports,
    )
    return password


def recover_admin(username: str, *, operator: str, ports: Ports) -> str:
    """The temporary password of an administrator who forgot theirs; their sessions, and a lock, are over.

    Raises:
        NotFound: nobody is called so.
        NotAllowed: they are no administrator of every environment, or disabled: another administrator decides that, and
            where there is none, `first-admin` makes one.
    """
    password = secrets.token_urlsafe(18)
    hashed = wiring.passwords().hash(password)

    def decide() -> tuple[str, tuple[Change, ...]]:
        user = ports.store.get(User, username)
        if user is None:
            raise NotFound("user", username)
        if not _is_administrator(user):
            raise NotAllowed(f"{username} is no administrator of every environment, or is disabled.")
        after = replace(
            user,
            password_hash=hashed,
            temporary_until_ms=ports.clock.machine_ms() + TEMPORARY_PASSWORD_MS,
            generation=user.generation + 1,
            revision=user.revision + 1,
        )
        deed = Deed(subject=f"user:{username}", actor=f"operator:{operator}", action="AdminRecovered", detail={})
        return password, (Replace(after), *forget_guesses(username, ports=ports), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)


def _is_administrator(user: User) -> bool:
    return Role.ADMIN in user.roles and not user.disabled and set(user.environments) == set(ALL_ENVIRONMENTS)


def main(arguments: list[str] | None = None) -> int:
    """0 when it is done; 1, and why not, when it is not."""
    told = _parser().parse_args(arguments)
    wiring.install(
        settings=Settings(
            table=told.table, artifact_bucket="", bus="", state_machine_arn="", signing_secret=told.secret, stage="aws"
        )
    )
    try:
        if told.what in ("first-admin", "recover-admin"):
            make = first_admin if told.what == "first-admin" else recover_admin
            password = make(told.username, operator=getpass.getuser(), ports=wiring.ports())
            print(f"{told.username} may log in, within 72 hours, with this password, which is shown once: {password}")
        else:
            actor = f"operator:{getpass.getuser()}"
            key_id = rotate_token_keys(
                at_once=told.at_once, actor=actor, keys=wiring.token_keys(), ports=wiring.ports()
            )
            print(f"the new key is {key_id}")
    except (DomainError, ValueError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.identity", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    admin = what.add_parser("first-admin", help="create the first administrator")
    admin.add_argument("username")
    recover = what.add_parser("recover-admin", help="a temporary password for an administrator who forgot theirs")
    recover.add_argument("username")
    rotate = what.add_parser("rotate-token-keys", help="make a new key for access tokens")
    rotate.add_argument("--at-once", action="store_true", help="a key may be stolen: everybody logs in anew")
    for each in (admin, recover, rotate):
        each.add_argument("--table", default="hotswap")
        each.add_argument("--secret", default="hotswap/signing-keys")
    return parser


if __name__ == "__main__":
    sys.exit(main())
