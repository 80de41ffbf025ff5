"""Names. Most are invented, so that they must be copied and cannot be remembered."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_ONSETS = "b br c ch cl d dr f fl g gl gr h j k kl l m n p pl qu r s sh sk st t th tr v w y z".split()
_NUCLEI = "a a e e i i o o u u a e i o u ai ea ie oa ou".split()
_CODAS = ["", "", "", "l", "m", "n", "r", "s", "x", "nd", "rk", "lt", "st", "ck"]
# Fragments that read as offensive in a name, and words that a shell or a reader would mistake.
_BARRED = "anal anus arse ass cock coon crap cum dick dyke fag fuck gay hoe homo jap jew kik nazi nig piss poo porn"
_BARRED += " fock fuk fuc cunt kunt shag prick bitch damn hell pussy rape sex shit slut spic tit turd twat wank whore kill die dead"
_COMMANDS = frozenset(
    "ar ash at awk bash bc cal cat cd chmod chown cmp comm cp cut date dash dd df diff du echo ed env eval exec exit"
    " expr false file find fold free ftp grep gzip halt head help host id info join kill less ln login look ls mail"
    " make man more mount mv nice nl nohup od panic paste ping pr ps pwd read rm rmdir run sed seq set sh sleep sort"
    " spell split stat strings su sync tail tar tee test time top touch tr trap true tty type ulimit umask uname"
    " uniq units vi view wait watch wc wget who write xargs yes zip man mandoc mman patch shift bind".split()
)
_FIRST = (
    "ada ben cora dov edda finn gia hugo ines jona kaya lars mila nils oda pia quin rosa sven tara ulf vera wim xena"
    " yara zeno alba bruno celia dario elin fabio greta henrik ivo juna kai lena marek nora otto petra rune silas"
).split()
_HOSTS = (
    "alder aspen basalt birch cedar cobalt copper coral delta ember fjord flint gable garnet harbor hazel heron indigo"
    " iris juniper kestrel lagoon larch lichen marble meadow nimbus oak onyx orchid otter pebble quartz raven reed"
    " ridge sable sedge slate sparrow spruce thistle tundra vesper walnut willow yarrow zephyr"
).split()
_SUBJECTS = (
    "archive atlas beacon bridge cabinet canal catalog census chapel cistern climate clinic compass conduit courier"
    " dairy depot dock engine factory ferry field furnace gallery garden gauge granary grid harvest herbarium hive"
    " intake inventory kiln laundry library lighthouse loom market mill mint museum nursery observatory orchard oven"
    " pantry parcel pier plant pump quarry registry relay reservoir river roster route sensor shelf signal silo"
    " station studio survey tannery terminal tower transit valve vault vineyard warehouse weather workshop yard"
).split()


@dataclass
class Names:
    """Draws names that never repeat within one scenario, nor contain one another."""

    rng: random.Random
    taken: set[str] = field(default_factory=set)

    def word(self, syllables: tuple[int, int] = (2, 3)) -> str:
        """An invented lower-case word."""
        while True:
            count = self.rng.randint(*syllables)
            parts = [self.rng.choice(_ONSETS) + self.rng.choice(_NUCLEI) for _ in range(count)]
            text = "".join(parts) + self.rng.choice(_CODAS)
            if self._free(text):
                return self._take(text)

    def compound(self) -> str:
        """An invented name of two parts, joined by a hyphen or an underscore, or one long word."""
        if self.rng.random() < 0.3:
            return self.word((3, 4))
        return self.word((1, 2)) + self.rng.choice("--_") + self.word((2, 2))

    def subject(self) -> str:
        """An ordinary noun for folders and file names."""
        while True:
            text = self.rng.choice(_SUBJECTS)
            if text not in self.taken:
                return self._take(text)

    def user(self) -> str:
        return self._take(self.rng.choice(_FIRST))

    def host(self) -> str:
        return self.rng.choice(_HOSTS) + self.rng.choice(["", "", str(self.rng.randint(1, 48))])

    def number(self, low: int, high: int) -> int:
        while True:
            value = self.rng.randint(low, high)
            if str(value) not in self.taken:
                self.taken.add(str(value))
                return value

    def _free(self, text: str) -> bool:
        if len(text) < 3 or text in _COMMANDS or any(bad in text for bad in _BARRED.split()):
            return False
        return not any(text in other or other in text for other in self.taken if not other.isdigit())

    def _take(self, text: str) -> str:
        self.taken.add(text)
        return text
