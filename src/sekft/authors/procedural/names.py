"""Names. Most are invented, so that they must be copied and cannot be remembered."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_ONSETS = tuple("b c d f g h j k l m n p r s t v w y z".split()) * 4 + tuple(
    "br bl ch cl cr dr dw fl fr gl gr kh kl kn kr ph pl pr qu rh sc sh sk sl sm sn sp st sv sw th tr ts tw wr zh".split()
)
_NUCLEI = tuple("aeiou") * 5 + tuple("y ai ea ie oa ou ae ei eu io uo oo ee ia".split())
_CODAS = ("",) * 20 + tuple("l m n r s x nd rk lt st ck th ng lm rf tz mp".split())
_SYLLABLES = (2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6)
_DOUBLED = frozenset("bdfglmnprstz")
# Fragments that read as offensive in a name, and words that a shell or a reader would mistake.
_BARRED = (
    "anal anus arse ass cock coon crap cum dick dyke fag fuck gay hoe homo jap jew kik nazi nig piss poo porn fock fuk"
    " fuc cunt kunt shag prick bitch damn hell pussy rape sex shit slut spic tit turd twat wank whore kill die dead"
    " bastard boob bugger chink dago dumb gook hitler hure idiot jizz kafir lesb mong moron muff negr nonc paki peni"
    " pube puta retard scrot semen smeg sperm suic trann vagin wog wop"
).split()
_COMMANDS = frozenset(
    "ar ash at awk bash bc cal cat cd chmod chown cmp comm cp cut date dash dd df diff du echo ed env eval exec exit"
    " expr false file find fold free ftp grep gzip halt head help host id info join kill less ln login look ls mail"
    " make man more mount mv nice nl nohup od panic paste ping pr ps pwd read rm rmdir run sed seq set sh sleep sort"
    " spell split stat strings su sync tail tar tee test time top touch tr trap true tty type ulimit umask uname"
    " uniq units vi view wait watch wc wget who write xargs yes zip man mandoc mman patch shift bind shred tree skill"
    " snice slab usleep resume reset then else elif done esac while until for case".split()
)
_FIRST = (
    "ada ben cora dov edda finn gia hugo ines jona kaya lars mila nils oda pia quin rosa sven tara ulf vera wim xena"
    " yara zeno alba bruno celia dario elin fabio greta henrik ivo juna kai lena marek nora otto petra rune silas"
    " tilda urban viola wanda amir beata chen dalia emeka farid gwen hana imre jovan kenji leila milo noor olga pavel"
    " qadir ravi samira tomas ursel vikram wren yusuf zofia anouk bela ciro"
).split()
_HOSTS = (
    "alder aspen basalt birch cedar cobalt copper coral delta ember fjord flint gable garnet harbor hazel heron indigo"
    " iris juniper kestrel lagoon larch lichen marble meadow nimbus oak onyx orchid otter pebble quartz raven reed"
    " ridge sable sedge slate sparrow spruce thistle tundra vesper walnut willow yarrow zephyr agate badger bramble"
    " cinder dune egret fennel gorse heath ibis jasper kelp lupin magpie nettle osprey plover quill rowan saffron"
    " tansy umber vetch wren"
).split()
_SUBJECTS = (
    "archive atlas beacon bridge cabinet canal catalog census chapel cistern climate clinic compass conduit courier"
    " dairy depot dock engine factory ferry field furnace gallery garden gauge granary grid harvest herbarium hive"
    " intake inventory kiln laundry library lighthouse loom market mill mint museum nursery observatory orchard oven"
    " pantry parcel pier plant pump quarry registry relay reservoir river roster route sensor shelf signal silo"
    " station studio survey tannery terminal tower transit valve vault vineyard warehouse weather workshop yard"
    " abbey airfield aquarium arcade armoury bakery barge barracks bindery boathouse brewery buoy cellar choir colony"
    " crane dam dispatch ditch drydock embassy estuary exhibit foundry fountain gazette glacier greenhouse hangar"
    " hatchery hostel icehouse junction kennel kitchen ledger lodge marina meter monument motor outpost pavilion"
    " pipeline plaza pottery printshop quay railway ranger refinery rigging sawmill seedbank sluice smithy stable"
    " tideway tollgate trawler turbine veranda viaduct voyage weir wharf windmill"
).split()


@dataclass
class Names:
    """Draws names that never repeat within one scenario, nor contain one another."""

    rng: random.Random
    taken: set[str] = field(default_factory=set)

    def word(self, syllables: tuple[int, int] | None = None) -> str:
        """An invented lower-case word. syllables: least and most, 2 to 6 and rather few by default."""
        while True:
            count = self.rng.randint(*syllables) if syllables else self.rng.choice(_SYLLABLES)
            text = "".join(self._syllable(first=place == 0) for place in range(count)) + self.rng.choice(_CODAS)
            if self._free(text):
                return self._take(text)

    def compound(self) -> str:
        """An invented name of two or three parts, joined by hyphens or an underscore, or one long word."""
        if self.rng.random() < 0.25:
            return self.word((3, 5))
        parts = [self.word((1, 2)), self.word((2, 3))] + ([self.word((1, 1))] if self.rng.random() < 0.1 else [])
        return self.rng.choice("---__").join(parts)

    def subject(self) -> str:
        """An ordinary noun for folders and file names, now and then joined to an invented word."""
        while True:
            text = self.rng.choice(_SUBJECTS)
            if text not in self.taken:
                self._take(text)
                return f"{text}-{self.word((1, 2))}" if self.rng.random() < 0.25 else text

    def user(self) -> str:
        """A first name or an invented one, as people are called on a host."""
        while True:
            text = self.rng.choice(_FIRST) if self.rng.random() < 0.6 else self.word((2, 3))
            if text not in self.taken or text not in _FIRST:
                return self._take(text)

    def host(self) -> str:
        plain = self.rng.choice(_HOSTS) if self.rng.random() < 0.6 else self.word((2, 3))
        joint = self.rng.choice(["", "", "-"])
        return self._take(plain + self.rng.choice(["", f"{joint}{self.rng.randint(1, 48)}"]))

    def number(self, low: int, high: int) -> int:
        while True:
            value = self.rng.randint(low, high)
            if str(value) not in self.taken:
                self.taken.add(str(value))
                return value

    def _syllable(self, first: bool) -> str:
        onset = self.rng.choice(_ONSETS)
        if not first and onset in _DOUBLED and self.rng.random() < 0.15:
            onset += onset
        return onset + self.rng.choice(_NUCLEI)

    def _free(self, text: str) -> bool:
        if len(text) < 3 or text in _COMMANDS or any(bad in text for bad in _BARRED):
            return False
        return not any(text in other or other in text for other in self.taken if not other.isdigit())

    def _take(self, text: str) -> str:
        self.taken.add(text)
        return text
