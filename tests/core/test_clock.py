"""The collector's clock under wrong clocks: years off, set back, machines suspended, processes stopped."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from refloat.core.clock import HOUR, STOP_ALLOWANCE, Clock, Tick, accept, advance, stamp

YEAR = 365 * 24 * HOUR
START = 50 * YEAR
WINDOW = 30 * 24 * HOUR

durations = st.integers(0, 40 * 24 * HOUR)
skews = st.one_of(st.integers(-10 * YEAR, 10 * YEAR), st.sampled_from([-10 * YEAR, -HOUR, 0, HOUR, 10 * YEAR]))
events = st.one_of(
    st.tuples(st.just("round"), durations),  # so much time passes, suspended or not, then a round
    st.tuples(st.just("set the wall"), skews),  # somebody, or NTP, sets the wall off by so much
    st.tuples(st.just("stop"), durations),  # no process for so long
    st.tuples(st.just("reboot"), durations),  # nor a machine
    st.tuples(st.just("request"), durations),  # so much time passes, then a request that starts a window
)
histories = st.lists(events, max_size=40)


@dataclass
class Due:
    """Something to be collected: when it is due by the registry, and what its maker was promised."""

    deadline: int
    made: int  # true time
    last_round: int  # true time of the last round before it was made
    stops: int  # how many stops there had been at that round


@dataclass
class World:
    """True time, and what the registry sees of it."""

    true: int = START
    skew: int = 0
    booted: int = 0
    stops: int = 0
    session: int = 0
    running: int = 0
    clock: Clock = field(init=False)
    seen: tuple[int, int] = (START, 0)  # true time and stops at the last round
    due: list[Due] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = advance(None, self.tick())

    @property
    def wall(self) -> int:
        return self.true + self.skew

    def tick(self) -> Tick:
        return Tick(self.wall, self.true - self.booted, str(self.session))

    def happen(self, event: str, amount: int) -> None:
        if event == "set the wall":
            self.skew = amount
            return
        self.true += amount
        if event == "round":
            self.round()
        elif event == "request":
            self.due.append(Due(stamp(self.wall, self.clock) + WINDOW, self.true, *self.seen))
        else:
            self.stops += 1
            self.session += 1
            self.booted = self.true if event == "reboot" else self.booted

    def round(self) -> None:
        before, (last, stops) = self.clock, self.seen
        self.clock = advance(before, self.tick())
        assert self.clock.at >= before.at
        assert self.clock.at - before.at <= self.true - last + (self.stops - stops) * STOP_ALLOWANCE
        self.seen = (self.true, self.stops)


@given(histories)
@settings(max_examples=600)
def test_no_window_ends_early(history: list[tuple[str, int]]) -> None:
    """What is collected has had its whole window in true time.

    Two allowances: 24 hours for each stop, and the time between the last round and the request, a minute
    where rounds come each minute.
    """
    world = World()
    for event, amount in history:
        world.happen(event, amount)
        for due in world.due:
            if world.clock.at >= due.deadline:
                allowance = (due.made - due.last_round) + (world.stops - due.stops) * STOP_ALLOWANCE
                assert world.true >= due.made + WINDOW - allowance
        world.due = [due for due in world.due if world.clock.at < due.deadline]


@given(st.lists(durations, max_size=30))
def test_with_a_true_wall_the_clock_is_the_wall(passes: list[int]) -> None:
    world = World()
    for amount in passes:
        world.happen("round", amount)
        assert world.clock.at == world.true
        assert world.clock.behind == 0


def test_a_jump_forward_is_followed_only_as_fast_as_time_is_seen_to_pass() -> None:
    clock = advance(None, Tick(START, 0, "run"))
    clock = advance(clock, Tick(START + 10 * YEAR, HOUR, "run"))
    assert clock.at == START + HOUR
    assert clock.behind == 10 * YEAR - HOUR


def test_a_long_stop_counts_for_a_day_and_the_rest_waits() -> None:
    clock = advance(None, Tick(START, 0, "run"))
    clock = advance(clock, Tick(START + 7 * 24 * HOUR, 0, "next run"))
    assert (clock.at, clock.behind) == (START + 24 * HOUR, 6 * 24 * HOUR)
    assert accept(clock.tick).behind == 0


def test_a_step_back_stands_still() -> None:
    clock = advance(None, Tick(START, 0, "run"))
    assert advance(clock, Tick(START - 10 * YEAR, HOUR, "run")).at == START


def test_a_deadline_counted_on_a_wall_that_was_set_back_is_not_over() -> None:
    clock = advance(None, Tick(START, 0, "run"))
    assert stamp(START - 10 * YEAR, clock) == START
    assert stamp(START + HOUR, clock) == START + HOUR
    assert stamp(START, None) == START
