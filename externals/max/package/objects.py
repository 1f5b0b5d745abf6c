# SPDX-License-Identifier: MIT
"""The four objects for Max, told once: reference pages and help patches are written from this.

A plain description. What objects share stands in one place, and ``tests/python/max_package``
compares it, both ways, with what the built externals register.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Argument:
    """What stands in the box behind the name."""

    name: str
    type: str  # symbol, int
    what: str
    optional: bool = True


@dataclass(frozen=True)
class Attribute:
    """What ``@name`` and the inspector set."""

    name: str
    type: str  # int, symbol
    default: str
    what: str
    label: str
    switch: bool = False


@dataclass(frozen=True)
class Message:
    """What comes into the left inlet."""

    name: str
    what: str
    example: str = ""  # as in a message box; empty: the name alone
    arguments: tuple[tuple[str, str], ...] = ()  # name and type; "?" ends an optional name
    more: str = ""

    def text(self) -> str:
        """What to type into a message box."""
        return self.example or self.name


@dataclass(frozen=True)
class Object:
    """One object."""

    name: str
    digest: str
    description: str
    arguments: tuple[Argument, ...]
    attributes: tuple[Attribute, ...]
    messages: tuple[Message, ...]
    inlets: tuple[str, ...]
    outlets: tuple[str, ...]
    see: tuple[str, ...] = field(default=())
    signals: str = ""  # kind of its signal inlets


def first_sentence(text: str) -> str:
    """What stands where there is little room."""
    return text.split(". ")[0].rstrip(".")


# What they share ----------------------------------------------------------------------------------

MODEL = Argument(
    "model",
    "symbol",
    "The model file. Its .ts may be left out. It is looked for in the package's models folder, "
    "then along Max's search path. The word void stands for no model yet: the arguments after it "
    "are then {void}, and load brings one.",
)
METHOD = Argument(
    "method",
    "symbol",
    "The method that runs: forward unless named. A chain is written encode+decode.",
)


def _model(void: str) -> Argument:
    return replace(MODEL, what=MODEL.what.format(void=void), optional=True)


def _size(usual: str) -> Argument:
    return Argument(
        "size",
        "int",
        "Samples that the model gets at once; rounded up to what the file can take. 0: no thread "
        f"of its own and the least latency, for models that are fast. {usual}",
    )


SIZE = _size("Unless given: the smallest that the file can take, from 512 on.")
INLETS = Argument("inlets", "int", "Signal inlets, where they are not to be the model's.")
OUTLETS = Argument("outlets", "int", "Signal outlets, where they are not to be the model's.")

ENABLE = Attribute(
    "enable",
    "int",
    "1",
    "Plays the model. Off: it fades to silence, and costs nothing.",
    "Play the model",
    switch=True,
)
GPU = Attribute(
    "gpu",
    "int",
    "0",
    "Runs the model on the GPU: Metal on macOS, CUDA on Windows. Without one it says so and stays "
    "on the CPU.",
    "Run the model on the GPU",
    switch=True,
)
TRACK = Attribute(
    "track_buffers",
    "int",
    "0",
    "Gives the model a buffer~ again whenever its content has changed.",
    "Follow changes of buffer~ objects",
    switch=True,
)
CHANS = Attribute(
    "chans",
    "int",
    "0",
    "Channels of each outlet. 0: as many as there are. What is beyond is dropped, what is missing "
    "is silent.",
    "Channels of each outlet",
)

CONTROLS = (
    Message(
        "bang",
        "Tells everything by the right outlet: loaded, enabled, gpu, model, methods, method, "
        "attributes, bufsize, dim, ratio, latency.",
    ),
    Message(
        "load",
        "Plays another file. It is opened on a thread of its own, what plays goes on, and a "
        "crossfade brings the new one in: then the right outlet says loaded 1.",
        "load effects",
        (("model", "symbol"),),
    ),
    Message("reload", "Reads the file again; its attributes are then those of the file."),
    Message(
        "method",
        "Plays another method of the file, with a crossfade: then the right outlet says method.",
        "method tremolo",
        (("method", "symbol"),),
    ),
    Message(
        "set",
        "Sets an attribute of the model: numbers, words, the name of a buffer~, or that of an "
        "array. One value for each of its elements.",
        "set mix 0.5",
        (("attribute", "symbol"), ("values", "list")),
    ),
    Message(
        "get",
        "Tells an attribute of the model: in the console, and by the right outlet as get, its "
        "name, its values.",
        "get mix",
        (("attribute", "symbol"),),
    ),
    Message("get_methods", "Lists the file's methods: in the console, and by the right outlet."),
    Message(
        "get_attributes", "Lists the file's attributes: in the console, and by the right outlet."
    ),
    Message("dump", "Tells in the console what plays: path, channels, ratios, names, size."),
    Message(
        "reset",
        "Brings the model's first state back: what it has heard is forgotten, the attributes stay.",
    ),
    Message(
        "latency",
        "Sends latency SAMPLES MS STREAM MODEL by the right outlet: in all, and its two parts in "
        "samples.",
    ),
    Message(
        "stats",
        "Sends stats BLOCKS LATE FAILED MEAN WORST LOAD by the right outlet. Blocks run, late "
        "and failed ones, their cost in milliseconds, and its share of the time there is.",
    ),
    Message(
        "bufsize",
        "Changes the size: samples that the model gets at once; 0 for no thread of its own.",
        "bufsize 1024",
        (("samples", "int"),),
    ),
    Message(
        "deadline",
        "Sets the time that the model has for a block, in samples. Less is less latency, and more "
        "late blocks. -1, or nothing: as measured when the model was loaded.",
        "deadline 256",
        (("samples?", "int"),),
    ),
    Message(
        "late",
        "Says what is heard for a block that is late or failed: silence, or dry, the input.",
        "late dry",
        (("policy", "symbol"),),
    ),
    Message(
        "resample",
        "Makes a model for another sample rate sound right. On unless switched off.",
        "resample 0",
        (("on?", "int"),),
    ),
    Message(
        "seed",
        "Makes models that draw random numbers repeat themselves. -1, or nothing: they don't.",
        "seed 1",
        (("number?", "int"),),
    ),
    Message(
        "compat",
        "Has the latency of IRCAM's nn~, for patches tuned to it. Sizes are then powers of two, "
        "and the model always has a whole block's time.",
        "compat 1",
        (("on?", "int"),),
    ),
)

REFUSED = tuple(
    Message(
        name,
        "Refused: nothing is downloaded, nothing is deleted. A model is a program: get the file "
        "yourself, and put it into the package's models folder.",
        example,
        arguments,
    )
    for name, example, arguments in (
        ("print_available_models", "", ()),
        ("download", "download ircam/rave/name", (("card", "symbol"), ("name?", "symbol"))),
        ("delete", "delete name", (("name", "symbol"),)),
    )
)

SEE = ("nn~", "mc.nn~", "mcs.nn~", "nn.info")
INFO_OUTLET = "answers to messages, and loaded or method when a change is heard"


def _see(name: str) -> tuple[str, ...]:
    return tuple(other for other in SEE if other != name)


# The four -----------------------------------------------------------------------------------------

NN = Object(
    "nn~",
    "Play a neural audio model",
    "Plays one method of a TorchScript model file (.ts): an effect, a codec, a generator. Signal "
    "inlets and outlets are the method's channels. Slow signals, such as a codec's latents, are "
    "held between their steps. The model runs on a thread of its own, never on the audio thread; "
    "a block that comes late is replaced and counted, never hidden. Files made for IRCAM's nn~ "
    "play unchanged.",
    (_model("inlets, outlets and size"), METHOD, SIZE, INLETS, OUTLETS),
    (ENABLE, GPU, TRACK),
    CONTROLS + REFUSED,
    ("the model's inputs, a channel each; messages go into the left one",),
    ("the model's outputs, a channel each", INFO_OUTLET),
    _see("nn~"),
    "signal",
)

MC = Object(
    "mc.nn~",
    "Play several sounds through one neural audio model",
    "As nn~, for several sounds at once: an inlet is a channel of the model, and each channel of "
    "what comes into it is a sound of its own, with a state of its own. There are as many sounds "
    "as the widest inlet has channels; where another has fewer, silence comes in. Each outlet has "
    "a channel for every sound.",
    (_model("inlets, outlets and size"), METHOD, SIZE, INLETS, OUTLETS),
    (ENABLE, GPU, TRACK, CHANS),
    CONTROLS + REFUSED,
    ("the model's inputs: a multichannel signal, with a channel for each sound",),
    ("the model's outputs: a multichannel signal, with a channel for each sound", INFO_OUTLET),
    _see("mc.nn~"),
    "multichannelsignal",
)

MCS = Object(
    "mcs.nn~",
    "Play a neural audio model with all its channels in one cord",
    "As nn~, with all channels of the model in one multichannel cord: sixteen latents are one "
    "cord from encode to decode. An inlet and an outlet belong to each sound, and each sound has "
    "a state of its own.",
    (
        _model("items and size"),
        METHOD,
        Argument("items", "int", "Sounds: as many inlets, and outlets. 1 unless given."),
        _size("4096 unless given."),
    ),
    (ENABLE, GPU, TRACK, CHANS),
    CONTROLS + REFUSED,
    ("a sound: a multichannel signal, with a channel for each of the model's inputs",),
    ("a sound: a multichannel signal, with a channel for each of the model's outputs", INFO_OUTLET),
    _see("mcs.nn~"),
    "multichannelsignal",
)

INFO = Object(
    "nn.info",
    "Tell what is in a model file",
    "Opens a model file, and tells its methods, attributes and their parameters, by its outlets "
    "and as a dictionary. It plays nothing, and keeps no model.",
    (replace(MODEL, what=MODEL.what.split(" The word")[0]),),
    (
        Attribute(
            "dict",
            "symbol",
            "",
            "Name of the dictionary that is filled; none: one of its own.",
            "Name of the dictionary",
        ),
    ),
    (
        Message("bang", "Tells everything, by all outlets."),
        Message("dump", "The same as bang."),
        Message("set", "Looks at another file.", "set vocoder", (("model", "symbol"),)),
        Message("path", "Sends the path of the file, or none."),
        Message("methods", "Sends method NAME for each method."),
        Message("attributes", "Sends attribute NAME for each attribute."),
        Message(
            "parameters",
            "Sends what belongs to a method (channels_in, channels_out, ratio_in, ratio_out) or "
            "to an attribute (attribute_type). Without a name: of all of them.",
            "parameters drive",
            (("name?", "symbol"),),
        ),
        Message("dump_dict", "Sends the dictionary."),
        Message(
            "get_available_models",
            REFUSED[0].what,
        ),
        *REFUSED[1:],
    ),
    ("messages",),
    (
        "path of the file, or none",
        "method NAME, for each method",
        "attribute NAME, for each attribute",
        "parameters: NAME channels_in N, channels_out N, ratio_in N, ratio_out N, or NAME "
        "attribute_type TYPES",
        "dictionary NAME: methods and attributes",
        "nothing: in IRCAM's nn.info, the models of a server",
    ),
    _see("nn.info"),
)

OBJECTS = (NN, MC, MCS, INFO)
