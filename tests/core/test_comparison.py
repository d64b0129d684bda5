"""What differs between two states of an image."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refloat.core.comparison import HIDDEN, Build, Layer, Setting, State, compare
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest

LAYERS = [Layer(Digest.of(b"%d" % number), 10**number) for number in range(6)]


def image(*layers: int, platform: str | None = "linux/amd64", config: Mapping[str, object] | None = None) -> Build:
    return Build(platform, tuple(LAYERS[number] for number in layers), config or {})


def state(*builds: Build) -> State:
    blobs = {layer.digest: layer.size for build in builds for layer in build.layers}
    return State(Digest.of(repr(builds).encode()), OCI_MANIFEST, blobs, builds)


def test_layers_that_only_one_has_are_named_and_their_bytes_counted_once() -> None:
    found = compare(state(image(0, 1, 1, 2)), state(image(0, 1, 3)))
    (build,) = found.builds
    assert (build.kept, build.added, build.removed) == (2, (LAYERS[3],), (LAYERS[1], LAYERS[2]))
    assert (found.old.size, found.new.size, found.added, found.removed) == (111, 1011, 1000, 100)


def test_platforms_are_compared_with_their_like() -> None:
    old = state(image(0, platform="linux/amd64"), image(1, platform="linux/arm64"))
    new = state(image(2, platform="linux/s390x"), image(1, 3, platform="linux/arm64"))
    found = compare(old, new)
    assert (found.platforms_added, found.platforms_removed) == (("linux/s390x",), ("linux/amd64",))
    assert [(build.platform, build.added) for build in found.builds] == [("linux/arm64", (LAYERS[3],))]


def test_two_images_for_one_platform_are_told_apart_by_their_order() -> None:
    found = compare(state(image(0), image(1)), state(image(0), image(1), image(2)))
    assert [(build.added, build.removed) for build in found.builds] == [((), ()), ((), ())]
    assert found.platforms_added == ("linux/amd64",)


def test_settings_are_named_by_one_word_and_what_follows_from_layers_is_left_out() -> None:
    old = {
        "os": "linux", "created": "then", "rootfs": {"diff_ids": [1]}, "history": [1], "container_config": {"Cmd": 1},
        "config": {"Env": ["PATH=/bin", "V=1", "GONE"], "Cmd": ["a"], "Labels": {"version": "1", "same": "x"}},
    }  # fmt: skip
    new = {
        "os": "linux", "created": "now", "rootfs": {"diff_ids": [2]}, "history": [2], "container_config": {"Cmd": 2},
        "config": {"Env": ["V=2=2", "PATH=/bin"], "Cmd": ["b"], "Labels": {"version": "2", "same": "x"}, "User": "1"},
    }  # fmt: skip
    (build,) = compare(state(image(config=old)), state(image(config=new))).builds
    assert build.settings == (
        Setting("Cmd", ["a"], ["b"]),
        Setting("Env.GONE", "", None),
        Setting("Env.V", "1", "2=2"),
        Setting("Labels.version", "1", "2"),
        Setting("User", None, "1"),
        Setting("created", "then", "now"),
    )


SECRET = {
    "os": "linux", "author": "somebody", "history": [1], "x": {"key": 1},
    "config": {"Env": ["TOKEN=hunter2", "PATH=/bin", "hunter3"], "Cmd": ["--password", "hunter4"],
               "Labels": {"contact": "hunter5"}, "ExposedPorts": {"hunter6/tcp": {}}},
}  # fmt: skip
SECRET_NAMES = [
    "Cmd", "Env.PATH", "Env.TOKEN", "ExposedPorts", "Labels.contact", "author", "os", "x",
]  # fmt: skip


def test_of_a_hidden_config_the_names_are_told_and_not_whether_it_differs() -> None:
    hidden, shown = Build("linux/amd64", (), SECRET, hidden=True), Build("linux/amd64", (), SECRET)
    other = {"os": "linux", "config": {"Env": ["NEW=1"]}}
    for config in (SECRET, {}):
        known = _flat_of(config)
        (build,) = compare(state(hidden), state(Build("linux/amd64", (), config))).builds
        assert [(found.name, found.old) for found in build.settings if found.old is not None] == [
            (name, HIDDEN) for name in SECRET_NAMES
        ]
        assert {found.name: found.new for found in build.settings if found.new is not None} == known
        (back,) = compare(state(Build("linux/amd64", (), config)), state(hidden)).builds
        assert [(found.name, found.new, found.old) for found in back.settings] == [
            (found.name, found.old, found.new) for found in build.settings
        ]
    (build,) = compare(state(hidden), state(hidden)).builds
    assert build.settings == tuple(Setting(name, HIDDEN, HIDDEN) for name in SECRET_NAMES)
    (build,) = compare(state(hidden), state(image(config=other))).builds
    assert "hunter" not in repr(build)
    (build,) = compare(state(shown), state(shown)).builds
    assert build.settings == ()


def _flat_of(config: Mapping[str, object]) -> dict[str, object]:
    """Return what is told of a config that can be read, as a comparison with nothing says it."""
    (build,) = compare(state(image(config={})), state(image(config=config))).builds
    return {found.name: found.new for found in build.settings}


builds = st.builds(
    Build,
    st.sampled_from([None, "linux/amd64", "linux/arm64"]),
    st.lists(st.sampled_from(LAYERS), max_size=5).map(tuple),
    st.dictionaries(st.sampled_from(["config", "os", "Env"]), st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    )),
)  # fmt: skip
states = st.lists(builds, max_size=4).map(lambda found: state(*found))
on_a_busy_machine = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@on_a_busy_machine
@given(states, states)
def test_the_other_way_round_is_the_opposite(old: State, new: State) -> None:
    there, back = compare(old, new), compare(new, old)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert there.new.size - there.old.size == there.added - there.removed
    assert there.platforms_added == back.platforms_removed
    opposite = {(build.platform, build.removed, build.added, build.kept) for build in back.builds}
    assert {(build.platform, build.added, build.removed, build.kept) for build in there.builds} == opposite


@on_a_busy_machine
@given(states)
def test_nothing_differs_from_itself(some: State) -> None:
    found = compare(some, some)
    assert (found.added, found.removed, found.platforms_added, found.platforms_removed) == (0, 0, (), ())
    assert all(not (build.added or build.removed or build.settings) for build in found.builds)


@on_a_busy_machine
@given(states, states)
def test_what_stays_and_what_comes_is_the_new_and_what_stays_and_goes_the_old(old: State, new: State) -> None:
    for build in compare(old, new).builds:
        before = [Counter(found.layers) for found in old.builds if found.platform == build.platform]
        after = [Counter(found.layers) for found in new.builds if found.platform == build.platform]
        added, removed = Counter(build.added), Counter(build.removed)
        assert any(one - removed == other - added for one in before for other in after)
