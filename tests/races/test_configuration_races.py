"""Configurations that are applied at the same time, and clients that are changed by hand meanwhile."""

import pytest
from sqlalchemy import select

from provider.clients.models import Client
from provider.clients.queries import get_by_client_id
from provider.clients.register import ClientIDTaken
from provider.configuration import entries
from provider.configuration import plan as plans
from provider.configuration.apply import PlanChanged, apply
from provider.configuration.entries import Files
from provider.configuration.plan import Asked
from provider.configuration.problems import InvalidConfiguration
from provider.infrastructure.database import db, in_transaction
from provider.infrastructure.owned_objects import AppliedMeanwhile
from tests.races.at_once import ON_POSTGRESQL, ROUNDS, at_once, just_before
from tests.support.reads import end_read

pytestmark = ON_POSTGRESQL
# Invalid is what takes an object of another owner, if the other one has already been applied.
REFUSED = (PlanChanged, AppliedMeanwhile, ClientIDTaken, InvalidConfiguration)


@pytest.fixture
def files_of(tmp_path):
    """Makes the files of a configuration with one client."""

    def make(name: str, owner: str = "team", client_name: str = "App") -> Files:
        path = tmp_path / f"{owner}.yaml"
        metadata = f"{{client_name: {client_name}, redirect_uris: [https://{name}.test/cb]}}"
        path.write_text(
            f"apiVersion: curfew/v1\nconfiguration: {owner}\nclients:\n"
            f"  {name}: {{metadata: {metadata}, secret: generated}}\n"
        )
        return entries.read_files([path])

    return make


def applying(app, files: Files, plan_hash: str):
    """An act that applies and says whether it was refused."""

    def run() -> str:
        with app.app_context():
            try:
                in_transaction(lambda: apply(files, Asked(), plan_hash))
            except REFUSED as exc:
                return type(exc).__name__
            return "applied"

    return run


def test_of_the_same_plan_applied_four_times_at_once_one_wins(app, files_of):
    for number in range(ROUNDS):
        files = files_of(f"app{number}")
        plan_hash = plans.make(files, Asked()).hash
        end_read()

        said = at_once(*[applying(app, files, plan_hash) for _ in range(4)])

        assert said.count("applied") == 1, said
        assert set(said) <= {"applied", *(one.__name__ for one in REFUSED)}
    end_read()
    assert len(db.session.scalars(select(Client)).all()) == ROUNDS


def test_two_owners_never_make_the_same_client(app, files_of):
    for number in range(ROUNDS):
        both = [files_of(f"app{number}", owner) for owner in ("team", "other")]
        hashes = [plans.make(files, Asked()).hash for files in both]
        end_read()

        said = at_once(*[applying(app, files, one) for files, one in zip(both, hashes, strict=True)])

        assert said.count("applied") == 1, said


def test_a_change_by_hand_after_the_review_is_seen_behind_the_lock(app, files_of):
    files = files_of("red")
    applying(app, files, plans.make(files, Asked()).hash)()
    renamed = files_of("red", client_name="Scarlet")
    plan_hash = plans.make(renamed, Asked()).hash
    end_read()

    def by_hand() -> None:
        with app.app_context():

            def change() -> None:
                get_by_client_id("red").slow = True

            in_transaction(change)

    with just_before("UPDATE applied_configuration", by_hand) as done:
        said = applying(app, renamed, plan_hash)()

    assert (said, len(done)) == ("PlanChanged", 1)
