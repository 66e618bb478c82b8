"""Reads what a manifest says of objects ([[channel]], [[topic]], [[event]], [[buffer]]), and of modules' handles of them."""
from dataclasses import dataclass

from reading import did_you_mean

OBJECT_KINDS = ("channel", "topic", "event", "buffer")
OBJECTS_MAX = 4096
MESSAGE_BYTES_MAX = 2**20
PLACES_MAX = 65536
CHANNEL_BYTES_MAX = 2**24
MESSAGE_EXTRA_BYTES = 64
SUBSCRIBERS = 32
SUBSCRIBERS_MAX = 1024
BUFFER_PAGES_MAX = 4096
SLOW = ("blocks", "skips", "drops", "leaves")  # enum topic_slow
SLOW_DEFAULT = ("skips", "drops", "leaves")
RIGHTS = {"read": 1, "write": 2, "control": 4, "delegate": 8, "move": 16}  # enum cap_right
TARGET_OBJECT, TARGET_DEFAULT, TARGET_MODULE = range(3)


@dataclass
class Object:
    kind: int
    name: str
    size: int = 0
    places: int = 0
    subscribers: int = 0
    allowed: int = 0
    owner: str = ""


def words_to_bits(reader, values, known, what, path):
    """The bits of an array of words."""
    bits = 0
    for item_path, word in reader.items(values, str, path):
        if word not in known:
            reader.error(item_path, f'unknown {what} "{word}"{did_you_mean(word, known)}')
        elif bits & known[word]:
            reader.error(item_path, f'"{word}" is listed twice')
        bits |= known.get(word, 0)
    if not values:
        reader.error(path, f"at least one {what} is needed")
    return bits


def read_messages(reader, thing, table, path):
    for key in ("message_max", "places"):
        if key not in table:
            reader.error(path + (key,), "is missing")
    thing.size = reader.number(table, "message_max", path, 1, 1, MESSAGE_BYTES_MAX)
    thing.places = reader.number(table, "places", path, 1, 1, PLACES_MAX)
    total = (thing.size + MESSAGE_EXTRA_BYTES) * thing.places
    if total > CHANNEL_BYTES_MAX:
        reader.error(path + ("places",), f"{thing.places} messages of {thing.size} bytes take {total}, more than {CHANNEL_BYTES_MAX}")


def read_channel(reader, thing, table, path, _modules):
    reader.known_keys(table, ["name", "message_max", "places"], path)
    read_messages(reader, thing, table, path)


def read_topic(reader, thing, table, path, _modules):
    reader.known_keys(table, ["name", "message_max", "places", "subscribers", "slow"], path)
    read_messages(reader, thing, table, path)
    thing.subscribers = reader.number(table, "subscribers", path, SUBSCRIBERS, 1, SUBSCRIBERS_MAX)
    slow = reader.get(table, "slow", list, path, default=list(SLOW_DEFAULT))
    thing.allowed = words_to_bits(reader, slow, {word: 1 << bit for bit, word in enumerate(SLOW)}, "policy", path + ("slow",))


def read_event(reader, _thing, table, path, _modules):
    reader.known_keys(table, ["name"], path)


def read_buffer(reader, thing, table, path, modules):
    reader.known_keys(table, ["name", "pages", "owner"], path)
    if "pages" not in table:
        reader.error(path + ("pages",), "is missing")
    thing.size = reader.number(table, "pages", path, 1, 1, BUFFER_PAGES_MAX)
    thing.owner = reader.get(table, "owner", str, path, default="")
    if "owner" in table and thing.owner not in modules:
        reader.error(path + ("owner",), f'no module "{thing.owner}" in this system{did_you_mean(thing.owner, modules)}')


READERS = {"channel": read_channel, "topic": read_topic, "event": read_event, "buffer": read_buffer}


def read_objects(reader, manifest, modules):
    """The objects of a system, by name."""
    objects, words = {}, reader.words
    taken = {module.name for module in modules}
    servers = [module.name for module in modules if not module.version_of]
    for kind in OBJECT_KINDS:
        for path, table in reader.items(reader.get(manifest, kind, list, (), default=[]), dict, (kind,)):
            thing = Object(words.kinds[kind], reader.name(table, path))
            if thing.name in objects or thing.name in taken or thing.name in words.defaults:
                reader.error(path + ("name",), f'something else is called "{thing.name}"')
            READERS[kind](reader, thing, table, path, servers)
            objects[thing.name] = thing
    if len(objects) > OBJECTS_MAX:
        reader.error((), f"{len(objects)} objects are more than {OBJECTS_MAX}")
    return sorted(objects.values(), key=lambda thing: thing.name.encode())


def target_of(reader, name, path, objects, modules):
    """(target, index) of what a key of `handles` names; None after an error."""
    defaults = reader.words.defaults
    if name in defaults:
        return TARGET_DEFAULT, defaults[name][0]
    names = [thing.name for thing in objects]
    if name in names:
        return TARGET_OBJECT, names.index(name)
    servers = [module.name for module in modules if not module.version_of]
    if name in servers:
        return TARGET_MODULE, next(index for index, module in enumerate(modules) if module.name == name)
    known = names + servers + list(defaults)
    reader.error(path, f'no object, default or module "{name}" in this system{did_you_mean(name, known)}')
    return None


def read_handles(reader, module, table, path, objects, modules):
    """The grants of a module, in the order of the bundle: (target, index, rights)."""
    handles = reader.get(table, "handles", dict, path, default={})
    path += ("handles",)
    if module.version_of and handles:
        reader.error(path, f'is not for a version: it has the handles of "{module.version_of}"')
    grants = []
    for name, words in handles.items():
        target = target_of(reader, name, path + (name,), objects, modules)
        if target is None or reader.typed(words, list, path + (name,)) is None:
            continue
        rights = words_to_bits(reader, words, RIGHTS, "right", path + (name,))
        if target[0] == TARGET_DEFAULT:
            allowed = reader.words.defaults[name][1] + ("delegate", "move")
            for word in words:
                if word in RIGHTS and word not in allowed:
                    reader.error(path + (name,), f'nobody has the right "{word}" on "{name}"')
        grants.append((*target, rights))
    if len(grants) > module.limits["handles"]:
        reader.error(path, f"{len(grants)} are more than the {module.limits['handles']} that limits.handles says")
    return sorted(grants)
