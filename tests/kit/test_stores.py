"""Stores of each kind: what they keep, what they forget, and several processes at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, insert

from curfew_rp import MemoryStore, StoreUnavailable, store_from_url
from curfew_rp.stores.limits import LINKS_KEPT
from curfew_rp.stores.redis import RedisStore
from curfew_rp.stores.sqlalchemy import LINK, SQLAlchemyStore, metadata
from tests.support.waiting import wait_until

A_WHILE = 60.0
AT_ONCE = 4


def test_a_claim_is_given_once(store):
    assert store.claim("jti:1", A_WHILE)
    assert not store.claim("jti:1", A_WHILE)
    assert store.claim("jti:2", A_WHILE)


def test_a_claim_is_forgotten_after_its_time(store):
    assert store.claim("jti:1", 0.05)

    wait_until(lambda: store.claim("jti:1", A_WHILE))

    assert not store.claim("jti:1", A_WHILE)


def test_a_mark_is_raised_and_never_lowered(store):
    store.raise_mark("sub:ada", 1_700_000_000.5, A_WHILE)
    store.raise_mark("sub:ada", 1_700_000_009.0, A_WHILE)
    store.raise_mark("sub:ada", 1_700_000_003.0, A_WHILE)

    assert store.marks(["sub:ada", "sub:ben"]) == {"sub:ada": 1_700_000_009.0}


def test_an_expired_mark_does_not_count(store):
    store.raise_mark("sub:ada", 9.0, 0.05)

    wait_until(lambda: store.marks(["sub:ada"]) == {})
    store.raise_mark("sub:ada", 3.0, A_WHILE)

    assert store.marks(["sub:ada"]) == {"sub:ada": 3.0}


def test_links_are_found_until_they_are_removed(store):
    store.link(["sid:1", "sub:ada"], "first", A_WHILE)
    store.link(["sid:2", "sub:ada"], "second", A_WHILE)
    store.link(["sid:2", "sub:ada"], "second", A_WHILE)
    assert store.members("sid:1") == ["first"]
    assert sorted(store.members("sub:ada")) == ["first", "second"]

    store.unlink(["sid:1", "sub:ada"], ["first"])
    store.unlink(["sid:1", "sub:ada"], [])

    assert store.members("sid:1") == []
    assert store.members("sub:ada") == ["second"]


def test_an_expired_link_is_not_found(store):
    store.link(["sub:ada"], "first", 0.05)
    store.link(["sub:ben"], "second", A_WHILE)

    wait_until(lambda: store.members("sub:ada") == [])

    assert store.members("sub:ben") == ["second"]


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_the_newest_links_are_kept(make_stores, kind):
    store = make_stores(kind)()
    store.link(["sub:ada"], "the first", A_WHILE)

    for number in range(LINKS_KEPT):
        store.link(["sub:ada"], str(number), A_WHILE)

    members = store.members("sub:ada")
    assert len(members) == LINKS_KEPT
    assert "the first" not in members


def test_the_newest_rows_are_kept(make_stores):
    store = make_stores("sqlite")()
    soon = time.time() + A_WHILE / 2
    rows = [
        {"key": "sub:ada", "member": str(number), "expires_at": soon + number / 1000}
        for number in range(LINKS_KEPT)
    ]
    with store._engine.begin() as connection:
        connection.execute(insert(LINK), rows)

    store.link(["sub:ada"], "the newest", A_WHILE)

    members = store.members("sub:ada")
    assert len(members) == LINKS_KEPT
    assert "the newest" in members
    assert "0" not in members


def test_another_process_sees_it(another_store):
    another_store().raise_mark("sid:1", 1.0, A_WHILE)
    another_store().link(["sid:1"], "first", A_WHILE)

    assert another_store().marks(["sid:1"]) == {"sid:1": 1.0}
    assert another_store().members("sid:1") == ["first"]


def test_of_several_claims_at_once_one_is_given(another_store):
    stores = [another_store() for _ in range(AT_ONCE)]

    for number in range(10):
        given = at_once(
            [lambda store=store, key=f"jti:{number}": store.claim(key, A_WHILE) for store in stores]
        )
        assert sum(given) == 1


def test_of_several_raises_at_once_the_highest_stays(another_store):
    stores = [another_store() for _ in range(AT_ONCE)]

    for number in range(10):
        key = f"sub:{number}"
        values = [3.0, 9.0, 5.0, 7.0]
        at_once(
            [
                lambda store=store, value=value, key=key: store.raise_mark(key, value, A_WHILE)
                for store, value in zip(stores, values, strict=True)
            ]
        )
        assert stores[0].marks([key]) == {key: 9.0}


def test_of_several_links_at_once_none_is_lost(another_store):
    stores = [another_store() for _ in range(AT_ONCE)]

    at_once(
        [
            lambda store=store, name=str(n): store.link(["sub:ada"], name, A_WHILE)
            for n, store in enumerate(stores)
        ]
    )

    assert sorted(stores[0].members("sub:ada")) == ["0", "1", "2", "3"]


def at_once(acts):
    """Do all at the same moment; returns their results."""
    gate = threading.Barrier(len(acts))

    def act(what):
        gate.wait()
        return what()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


ACTS = [
    pytest.param(lambda store: store.claim("k", 1), id="claim"),
    pytest.param(lambda store: store.raise_mark("k", 1, 1), id="raise_mark"),
    pytest.param(lambda store: store.marks(["k"]), id="marks"),
    pytest.param(lambda store: store.link(["k"], "m", 1), id="link"),
    pytest.param(lambda store: store.members("k"), id="members"),
    pytest.param(lambda store: store.unlink(["k"], ["m"]), id="unlink"),
]


@pytest.mark.parametrize("act", ACTS)
def test_a_redis_that_is_away_is_unavailable(tmp_path, act):
    store = RedisStore.from_url(f"unix://{tmp_path / 'nothing'}")

    with pytest.raises(StoreUnavailable, match="Redis: ConnectionError"):
        act(store)

    store.close()


@pytest.mark.parametrize("act", ACTS)
def test_a_database_without_its_tables_is_unavailable(act):
    store = SQLAlchemyStore(create_engine("sqlite://"))

    with pytest.raises(StoreUnavailable, match="database: OperationalError"):
        act(store)

    store.close()


@pytest.mark.parametrize("act", ACTS)
def test_a_cache_that_is_away_is_unavailable(tmp_path, act):
    from django.core.cache.backends.redis import RedisCache

    from curfew_rp.stores.django_cache import DjangoCacheStore

    store = DjangoCacheStore(RedisCache(f"unix://{tmp_path / 'nothing'}", {}))

    with pytest.raises(StoreUnavailable, match="cache: ConnectionError"):
        act(store)


def test_several_processes_make_the_tables_at_once(postgres_url):
    stores = [SQLAlchemyStore(create_engine(postgres_url)) for _ in range(AT_ONCE)]

    at_once([store.create_tables for store in stores])

    assert stores[0].claim("jti:tables", A_WHILE)
    metadata.drop_all(stores[0]._engine)
    for store in stores:
        store.close()


def test_a_url_names_a_store(tmp_path, valkey):
    assert isinstance(store_from_url("memory:"), MemoryStore)
    on_redis = store_from_url(valkey)
    assert on_redis.claim("jti:url", A_WHILE)
    on_redis.close()
    in_file = store_from_url(f"sqlite:///{tmp_path / 'app.sqlite3'}")
    assert in_file.claim("jti:1", A_WHILE)
    in_file.close()


@pytest.mark.parametrize("url", ["", "redis", "app.sqlite3"])
def test_a_url_that_names_no_store_is_refused(url):
    with pytest.raises(ValueError, match="a store's URL begins with"):
        store_from_url(url)
