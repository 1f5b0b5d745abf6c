# SPDX-License-Identifier: MIT
"""Writes the help patches (``help/*.maxhelp``) and the overview (``extras``).

They play the models that come with the package. What nn~, mc.nn~ and mcs.nn~ share is one
function, called for each.
"""

from collections.abc import Callable, Sequence

from objects import INFO, MC, MCS, NN, OBJECTS, Object, first_sentence
from patcher import Box, Patcher

SOUND = "nnbridge-loop.wav"
WIDTH = 820.0
TOP = 130.0  # below what Max writes of the object itself
LATENTS = 8  # of the model `vocoder`


def _page(thing: Object, height: float = 560) -> Patcher:
    """A tab, with the object's name and digest at its top: Max's own script draws them."""
    page = Patcher(WIDTH, height, on_tab=True)
    page.box(
        "jsui",
        10,
        10,
        (500, 110),
        border=0,
        filename="helpdetails.js",
        ignoreclick=1,
        jsarguments=[thing.name],
        parameter_enable=0,
    )
    return page


def _heading(page: Patcher, text: str, x: float, y: float) -> Box:
    return page.comment(text, x, y, size=14)


def _loop(page: Patcher, x: float, y: float) -> Box:
    """A recording, played round and round."""
    on = page.box("toggle", x, y, (24, 24), parameter_enable=0)
    page.comment("play the loop", on.right, y + 2)
    sound = page.object(f"loadmess open {SOUND}", x + 130, y)
    again = page.object("loadmess loop 1", sound.right, y)
    player = page.object("sfplay~", x, on.below + 12)
    for box in (on, sound, again):
        page.cord(box, 0, player)
    return player


def _ours(
    page: Patcher,
    thing: Object,
    rest: str,
    x: float,
    y: float,
    ports: Sequence[int],
    width: float = 0,
) -> Box:
    """One of our objects. ``ports``: signal inlets and outlets that it has."""
    kind = "signal" if thing is NN else "multichannelsignal"
    outlets = [kind] * ports[1] + [""]
    return page.object(f"{thing.name} {rest}", x, y, width=width, inlets=ports[0], outlets=outlets)


def _effect(page: Patcher, thing: Object, method: str, x: float, y: float) -> Box:
    """An effect with one channel in and out."""
    sounds = " 1" if thing is MCS else ""
    return _ours(page, thing, f"effects {method}{sounds} 2048", x, y, (1, 1))


def _apart(page: Patcher, thing: Object, box: Box) -> Box:
    """What gives the box's first outlet as a plain signal."""
    if thing is NN:
        return box
    plain = page.object("mc.unpack~ 1", box.x, box.below)
    page.cord(box, 0, plain)
    return plain


def _dials(page: Patcher, target: Box, x: float, y: float) -> float:
    """Numbers for attributes of the model; where the next box may begin."""
    for name, low, high, start, what in (
        ("gain", 0.0, 40.0, 12.0, "dB, of drive"),
        ("speed", 0.05, 20.0, 5.0, "Hz, of the tremolo"),
        ("time", 1.0, 500.0, 250.0, "ms, of echo"),
        ("mix", 0.0, 1.0, 1.0, "share of the effect"),
    ):
        number = page.box("flonum", x, y, (50, 22), minimum=low, maximum=high, parameter_enable=0)
        setter = page.message(f"set {name} $1", x + 60, y)
        page.comment(f"{what} ({start:g})", x + 158, y)
        page.cord(number, 0, setter)
        page.cord(setter, 0, target, hidden=True)
        y += 32
    return y


def _methods(page: Patcher, target: Box, names: Sequence[str], x: float, y: float) -> float:
    for name in names:
        message = page.message(f"method {name}", x, y)
        page.cord(message, 0, target, hidden=True)
        x = message.right
    return y + 34


# Tabs of nn~ --------------------------------------------------------------------------------------


def _basic_nn() -> Patcher:
    page = _page(NN)
    player = _loop(page, 20, TOP)
    effect = _effect(page, NN, "drive", 20, player.below + 150)
    page.cord(player, 0, effect)
    page.comment(
        "the file effects.ts, its method drive, 2048 samples at once",
        effect.right,
        effect.y,
    )
    volume = page.volume("basic", 20, effect.below + 12)
    page.cord(effect, 0, volume, 0)
    page.cord(effect, 0, volume, 1)
    _heading(page, "methods of the file: a click crossfades", 60, player.below)
    _methods(page, effect, ("drive", "tremolo", "echo", "crush"), 60, player.below + 28)
    _heading(page, "attributes of the model: a move glides", 490, player.below)
    _dials(page, effect, 490, player.below + 28)
    page.comment(
        "Put models of your own (.ts) into this package's folder models, and name them in the box.",
        260,
        volume.y,
        width=340,
    )
    return page


def _codec() -> Patcher:
    page = _page(NN, 640)
    page.comment(
        "A codec turns sound into a few slow numbers, its latents, and back. Bend them on their "
        "way: here one step is 20 dB in a band, in a model of yours what it has learned.",
        530,
        20,
        width=270,
    )
    player = _loop(page, 20, TOP)
    # As wide as it takes for cords to hang straight.
    step = 92.0
    encoder = _ours(
        page, NN, "vocoder encode 1024", 20, player.below, (1, LATENTS), step * LATENTS + 16
    )
    page.cord(player, 0, encoder)
    decoder = _ours(
        page,
        NN,
        "vocoder decode 1024",
        20,
        encoder.below + 170,
        (LATENTS, 1),
        step * (LATENTS - 1) + 16,
    )
    for latent in range(LATENTS):
        x = 20 + step * latent
        slider = page.box(
            "slider",
            x + 22,
            encoder.below,
            (20, 110),
            floatoutput=1,
            min=-2.0,
            size=4.0,
            parameter_enable=0,
        )
        bend = page.object("+~ 0.", x, slider.below)
        page.cord(encoder, latent, bend)
        page.cord(slider, 0, bend, 1)
        page.cord(bend, 0, decoder, latent)
    volume = page.volume("codec", 20, decoder.below + 12)
    page.cord(decoder, 0, volume, 0)
    page.cord(decoder, 0, volume, 1)
    page.comment(
        "With all latents in one cord: mcs.nn~. Another codec: nn~ name encode and nn~ name decode "
        "have an outlet and an inlet for each of its latents.",
        260,
        volume.y,
        width=400,
    )
    return page


def _prior() -> Patcher:
    page = _page(NN)
    page.comment(
        "A prior invents latents by itself. Its input is a temperature; its outputs go into "
        "decode.",
        20,
        TOP,
        width=600,
    )
    number = page.box(
        "flonum", 20, TOP + 40, (60, 22), minimum=0.0, maximum=4.0, parameter_enable=0
    )
    page.comment("temperature: 1 as it was made, less is calmer", number.right, number.y)
    warm = page.object("sig~ 1.", 20, number.below)
    prior = _ours(page, NN, "vocoder prior 1024", 20, warm.below + 8, (1, LATENTS))
    decoder = _ours(page, NN, "vocoder decode 1024", 20, prior.below + 40, (LATENTS, 1))
    page.cord(number, 0, warm)
    page.cord(warm, 0, prior)
    for latent in range(LATENTS):
        page.cord(prior, latent, decoder, latent)
    volume = page.volume("prior", 20, decoder.below + 12)
    page.cord(decoder, 0, volume, 0)
    page.cord(decoder, 0, volume, 1)
    _rows(
        page,
        prior,
        (
            ("seed 1", "the same every time"),
            ("seed -1", "never the same"),
            ("reset", "from the beginning"),
        ),
        420,
        warm.y,
    )
    page.comment(
        "In files of msprior the temperature is an attribute, set temperature 1, and so is whether "
        "it plays by itself: set listen 0.",
        260,
        volume.y,
        width=400,
    )
    return page


def _rows(
    page: Patcher,
    target: Box,
    rows: Sequence[tuple[str, str]],
    x: float,
    y: float,
    width: float = 0,
) -> float:
    """Messages, each with what it does beside it; where the next box may begin."""
    widest = max(page.message_width(text) for text, _ in rows)
    for text, what in rows:
        message = page.message(text, x, y)
        page.cord(message, 0, target, hidden=True)
        y += 30
        if what:
            y = max(y, page.comment(what, x + widest + 12, message.y, width).below - 6)
    return y


# Tabs of mc.nn~ and mcs.nn~ -----------------------------------------------------------------------


def _basic_mc() -> Patcher:
    page = _page(MC)
    player = _loop(page, 20, TOP)
    tone = page.object("cycle~ 110", 220, player.y)
    both = page.object("mc.pack~ 2", 20, player.below + 12, width=220)
    page.cord(player, 0, both, 0)
    page.cord(tone, 0, both, 1)
    effect = _effect(page, MC, "drive", 20, both.below + 110)
    page.cord(both, 0, effect)
    page.comment(
        "two sounds in one cord: each has a state of its own", effect.right, effect.y, width=240
    )
    apart = page.object("mc.unpack~ 2", 20, effect.below, width=150)
    page.cord(effect, 0, apart)
    volume = page.volume("basic", 20, apart.below)
    page.cord(apart, 0, volume, 0)
    page.cord(apart, 1, volume, 1)
    _heading(page, "methods of the file: a click crossfades", 60, both.below)
    _methods(page, effect, ("drive", "tremolo", "echo"), 60, both.below + 28)
    _heading(page, "attributes of the model", 480, both.below)
    _dials(page, effect, 480, both.below + 28)
    page.comment(
        "Inlets and outlets are channels of the model, the channels of a cord are sounds. Another "
        "number of sounds is heard as soon as audio is compiled anew.",
        260,
        volume.y + 20,
        width=340,
    )
    return page


def _basic_mcs() -> Patcher:
    page = _page(MCS, 620)
    player = _loop(page, 20, TOP)
    tone = page.object("cycle~ 110", 120, player.y)
    stereo = page.object("mc.pack~ 2", 20, player.below, width=130)
    page.cord(player, 0, stereo, 0)
    page.cord(tone, 0, stereo, 1)
    wide = _ours(page, MCS, "effects widen 1 2048", 20, stereo.below, (1, 1))
    page.cord(stereo, 0, wide)
    page.comment("one sound; two channels in, two out", wide.right, wide.y)
    number = page.box("flonum", 480, stereo.y, (60, 22), minimum=0.0, maximum=2.0)
    setter = page.message("set spread $1", number.right, stereo.y)
    page.comment("width (1.5)", setter.right, stereo.y)
    page.cord(number, 0, setter)
    page.cord(setter, 0, wide, hidden=True)
    apart = page.object("mc.unpack~ 2", 20, wide.below, width=150)
    page.cord(wide, 0, apart)
    volume = page.volume("basic", 20, apart.below)
    page.cord(apart, 0, volume, 0)
    page.cord(apart, 1, volume, 1)
    page.comment(
        "An inlet and an outlet belong to each sound; the channels of a cord are those of the "
        "model. effects widen 2 has two inlets, for two stereo sounds.",
        260,
        volume.y + 20,
        width=380,
    )
    return page


def _codec_mcs() -> Patcher:
    page = _page(MCS)
    player = _loop(page, 20, TOP)
    encoder = _ours(page, MCS, "vocoder encode 1 1024", 20, player.below, (1, 1))
    page.comment("eight latents leave in one cord", encoder.right, encoder.y)
    decoder = _ours(page, MCS, "vocoder decode 1 1024", 20, encoder.below + 20, (1, 1))
    page.comment("and come in here", decoder.right, decoder.y)
    plain = page.object("mc.unpack~ 1", 20, decoder.below)
    page.cord(player, 0, encoder)
    page.cord(encoder, 0, decoder)
    page.cord(decoder, 0, plain)
    volume = page.volume("codec", 20, plain.below)
    page.cord(plain, 0, volume, 0)
    page.cord(plain, 0, volume, 1)
    page.comment(
        "Any mc. object between the two bends all latents at once; mc.unpack~ 8 and mc.pack~ 8 "
        "reach each of them.",
        260,
        volume.y,
        width=400,
    )
    return page


# Tabs that the three share ------------------------------------------------------------------------


def _attributes(thing: Object) -> Patcher:
    page = _page(thing, 790)
    x = 20.0
    left = _heading(page, "of the object", x, TOP)
    shown = []
    y = left.below
    for attribute in thing.attributes:
        shown.append(page.box("attrui", x, y, (190, 22), attr=attribute.name))
        comment = page.comment(attribute.what, x + 200, y, width=560)
        y = max(y + 32, comment.below)
    right = _heading(page, "of the model: numbers, words, arrays", x, y + 6)
    effect_y = right.below + 214
    effect = _effect(page, thing, "convolve", x, effect_y)
    for box in shown:
        page.cord(box, 0, effect, hidden=True)
    _rows(
        page,
        effect,
        (
            ("get_attributes", "their names: see the console"),
            ("get mix", "a value, likewise"),
            ("set mix 0.5", "a new value"),
            ("set bypass 1", "0 is false, any other number is true"),
            ("set bypass 0", ""),
        ),
        x,
        right.below,
    )
    name = "nnbridge-help-room"
    _heading(page, "a buffer~ for the room of convolve", 460, right.y)
    room = page.object(f"buffer~ {name} {SOUND}", 460, right.below + 34)
    replace = page.message("replace", 460, right.below)
    page.comment("another sound, from a file", replace.right, replace.y)
    page.cord(replace, 0, room)
    given = page.message(f"set response {name}", 460, room.below)
    page.comment("is taken", given.right, given.y)
    page.cord(given, 0, effect, hidden=True)
    page.comment(
        "With track_buffers on, it is taken again whenever it changes.", 460, given.below, width=330
    )
    player = page.object("sfplay~", x, effect_y - 40)
    for index, text in enumerate((f"loadmess open {SOUND}", "loadmess loop 1")):
        page.cord(page.object(text, 250 + 222.0 * index, player.y), 0, player, hidden=True)
    on = page.box("toggle", 100, player.y, (22, 22), parameter_enable=0)
    page.comment("play the loop", on.right, player.y)
    page.cord(on, 0, player, hidden=True)
    page.cord(player, 0, effect)
    out = _apart(page, thing, effect)
    volume = page.volume("attributes", x, out.below)
    page.cord(out, 0, volume, 0)
    page.cord(out, 0, volume, 1)
    console = page.object("print nn~", 320, effect_y)
    page.cord(effect, 1, console)
    return page


def _messages(thing: Object) -> Patcher:
    """All of them; written from the description."""
    page = _page(thing, 760)
    half = (len(thing.messages) + 1) // 2
    bottom = TOP
    made: list[Box] = []
    for column, part in enumerate((thing.messages[:half], thing.messages[half:])):
        y = TOP
        x = 20 + 400.0 * column
        for message in part:
            made.append(page.message(message.text(), x, y))
            comment = page.comment(first_sentence(message.what) + ".", x + 176, y, width=214)
            y = comment.below - 4
        bottom = max(bottom, y)
    effect = _effect(page, thing, "drive", 20, bottom + 16)
    for box in made:
        page.cord(box, 0, effect, hidden=True)
    page.comment(
        f"The right outlet answers. {thing.name} void has no model yet: load one.",
        effect.right,
        effect.y,
    )
    console = page.object("print nn~", 150, effect.below)
    page.cord(effect, 1, console)
    page.height = console.below
    return page


def _latency(thing: Object) -> Patcher:
    page = _page(thing)
    page.comment(
        "A click goes in: how much later it comes out is what latency tells.", 20, TOP, width=600
    )
    button = page.box("button", 20, TOP + 34, (24, 24), parameter_enable=0)
    page.comment("a click", button.right, button.y + 2)
    click = page.object("click~", 20, button.below)
    effect = _effect(page, thing, "crush", 20, click.below + 20)
    page.cord(button, 0, click)
    page.cord(click, 0, effect)
    sorted_ = page.object("route latency stats", 330, effect.below + 8)
    page.cord(effect, 1, sorted_)
    y = sorted_.below + 12
    for outlet, names in enumerate(
        (
            ("samples", "ms", "stream", "model"),
            ("blocks", "late", "failed", "mean ms", "worst ms", "load"),
        )
    ):
        parts = page.object("unpack " + " ".join("f" * len(names)), 330, y)
        page.cord(sorted_, outlet, parts)
        for index, name in enumerate(names):
            number = page.box(
                "flonum", 330 + 76.0 * index, parts.below, (70, 22), parameter_enable=0
            )
            page.comment(name, number.x, number.y + 24, width=74)
            page.cord(parts, index, number)
        y = parts.below + 64
    out = _apart(page, thing, effect)
    volume = page.volume("latency", 20, out.below + 12)
    page.cord(click, 0, volume, 0)
    page.cord(out, 0, volume, 1)
    _rows(
        page,
        effect,
        (
            ("latency", "samples, ms, and the parts of stream and model"),
            ("stats", "blocks, late, failed; cost"),
            ("bufsize 0", "no thread of its own, least latency"),
            ("bufsize 2048", ""),
        ),
        330,
        TOP + 34,
    )
    return page


# nn.info ------------------------------------------------------------------------------------------


def _basic_info() -> Patcher:
    page = _page(INFO, 720)
    y = TOP
    rows = [(message.text(), first_sentence(message.what) + ".") for message in INFO.messages]
    info = page.object("nn.info effects", 20, 540, width=420, inlets=1, outlets=[""] * 6)
    _rows(page, info, rows, 20, y, width=300)
    attribute = page.box("attrui", 560, y, (220, 22), attr="dict")
    page.cord(attribute, 0, info, hidden=True)
    page.comment("where the dictionary is kept", 560, attribute.below - 6)
    for outlet, name in enumerate(("path", "method", "attribute", "parameters")):
        printer = page.object(f"print {name}", 20 + 118.0 * outlet, info.below + 30)
        page.cord(info, outlet, printer)
    view = page.box("dict.view", 520, 500, (280, 190))
    page.cord(info, 4, view)
    page.comment("The sixth outlet is silent: nothing is downloaded.", 20, info.below + 66)
    return page


# The files ----------------------------------------------------------------------------------------

TABS: dict[str, dict[str, Callable[[], Patcher]]] = {
    "nn~": {
        "basic": _basic_nn,
        "codec": _codec,
        "prior": _prior,
        "attributes": lambda: _attributes(NN),
        "messages": lambda: _messages(NN),
        "latency": lambda: _latency(NN),
    },
    "mc.nn~": {
        "basic": _basic_mc,
        "attributes": lambda: _attributes(MC),
        "messages": lambda: _messages(MC),
        "latency": lambda: _latency(MC),
    },
    "mcs.nn~": {
        "basic": _basic_mcs,
        "codec": _codec_mcs,
        "attributes": lambda: _attributes(MCS),
        "messages": lambda: _messages(MCS),
        "latency": lambda: _latency(MCS),
    },
    "nn.info": {"basic": _basic_info},
}


def write(thing: Object) -> str:
    """The help patch of one object."""
    window = Patcher(WIDTH, 660)
    window.box(
        "jsui",
        10,
        10,
        (300, 58),
        border=0,
        filename="helpname.js",
        ignoreclick=1,
        jsarguments=[thing.name],
        parameter_enable=0,
    )
    tabs = {name: make() for name, make in TABS[thing.name].items()}
    # Max itself fills this one, from the reference page.
    tabs["?"] = Patcher(WIDTH, 560, on_tab=True)
    for at, (name, page) in enumerate(tabs.items()):
        window.tab(name, page, at)
    return window.text()


def overview() -> str:
    """What the menu Extras opens."""
    page = Patcher(640, 420)
    page.comment("nnbridge", 20, 16, size=24)
    page.comment(
        "Plays neural audio models: TorchScript files (.ts), also those made for IRCAM's nn~ or "
        "exported by RAVE. Put yours into this package's folder models.",
        20,
        64,
        width=590,
    )
    control = page.object("pcontrol", 540, 16)
    y = 120.0
    for thing in OBJECTS:
        opener = page.message(f"help {thing.name}", 20, y)
        page.cord(opener, 0, control, hidden=True)
        page.comment(thing.digest, 140, y)
        y = opener.below
    page.comment("Comes with three small models:", 20, y + 10)
    y += 36
    for name, what in (
        ("effects", "drive, tremolo, echo, widen, crush, convolve"),
        ("vocoder", "a codec that nobody had to train: encode, decode, forward, prior"),
        ("descriptors", "loudness, centroid, flatness, crossings, features"),
    ):
        page.comment(name, 20, y)
        page.comment(what, 140, y)
        y += 24
    return page.text()
