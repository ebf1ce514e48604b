"""Laws of the ids (I2): a key and its text are one to one, and only our own texts parse.

Numbers on their way through text are enumerated, not reasoned about, so the laws over epochs and sequences
are bounded (bounded.toml). The laws over a foreign character hold for every character there is.
"""

from kernel.ids import (
    EPOCH_MAX,
    SEQUENCE_MAX,
    OrderKey,
    client_order_id,
    inferred_execution_id,
    is_inferred,
    is_ours,
    parse_client_order_id,
)

EPOCHS = (1, 9, 99, 4_095, EPOCH_MAX - 2)
SEQUENCES = (0, 8, 98, 65_534, SEQUENCE_MAX - 2)


def _canonical(text: str) -> bool:
    key = parse_client_order_id("mqd", text)
    return key is None or client_order_id("mqd", key) == text


def round_trip(epoch_base: int, epoch_step: int, sequence_base: int, sequence_step: int) -> bool:
    """The text of a key parses to the key, and to no key under another prefix.

    Promise: I2
    pre: 0 <= epoch_base < 5 and 0 <= sequence_base < 5
    pre: 0 <= epoch_step < 3 and 0 <= sequence_step < 3
    post: __return__
    """
    key = OrderKey(EPOCHS[epoch_base] + epoch_step, "vwap_micro", SEQUENCES[sequence_base] + sequence_step)
    text = client_order_id("mqd", key)
    return parse_client_order_id("mqd", text) == key and not is_ours("mq", text) and len(text) <= 48


def no_collision(first_epoch: int, first_sequence: int, second_epoch: int, second_sequence: int) -> bool:
    """Two keys have two texts.

    Promise: I2
    pre: 9 <= first_epoch <= 11 and 9 <= second_epoch <= 11
    pre: 9 <= first_sequence <= 11 and 9 <= second_sequence <= 11
    post: __return__
    """
    first = OrderKey(first_epoch, "a", first_sequence)
    second = OrderKey(second_epoch, "a", second_sequence)
    return (client_order_id("mqd", first) == client_order_id("mqd", second)) == (first == second)


def no_collision_of_strategies(sequence: int) -> bool:
    """Strategies whose names run into the numbers do not run into each other's ids.

    Promise: I2
    pre: 0 <= sequence <= 99
    post: __return__
    """
    names = ("a", "a_1", "1", "1_a", "a1")
    texts = [client_order_id("mqd", OrderKey(1, name, sequence)) for name in names]
    return all(first != second for i, first in enumerate(texts) for second in texts[i + 1 :])


def any_character_as_epoch(character: str) -> bool:
    """Whatever character stands for the epoch: it is not ours, or it is what we would write.

    Promise: I2
    pre: len(character) == 1
    post: __return__
    """
    return _canonical("mqd-" + character + "-v-000000042")


def any_character_in_strategy(character: str) -> bool:
    """Whatever character stands in the strategy: it is not ours, or it is what we would write.

    Promise: I2
    pre: len(character) == 1
    post: __return__
    """
    return _canonical("mqd-7-v" + character + "-000000042")


def any_character_in_sequence(character: str) -> bool:
    """Whatever character ends the sequence: it is not ours, or it is what we would write.

    Promise: I2
    pre: len(character) == 1
    post: __return__
    """
    return _canonical("mqd-7-v-00000004" + character)


def any_short_text(text: str) -> bool:
    """A text too short to be an id is never ours, whatever it holds.

    Promise: I2
    pre: len(text) <= 6
    post: __return__
    """
    return not is_ours("mqd", text)


def inferred_id_is_known(cumulative: int) -> bool:
    """The id of an inferred execution is recognized, and another cumulative quantity gives another id.

    Promise: I4
    pre: 1 <= cumulative <= 100
    post: __return__
    """
    one = inferred_execution_id("mqd-7-v-000000042", cumulative)
    two = inferred_execution_id("mqd-7-v-000000042", cumulative + 1)
    return is_inferred(one) and one != two and one == inferred_execution_id("mqd-7-v-000000042", cumulative)


def broker_id_is_not_inferred(character: str) -> bool:
    """An execution id that does not begin with our mark is not taken for ours.

    Promise: I4
    pre: len(character) == 1
    post: __return__
    """
    return not is_inferred(character + "600f978b-ee00-4b5c-ac5f-bd9f045c61e1")
