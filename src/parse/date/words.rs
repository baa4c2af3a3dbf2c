//! Names of months, weekdays, zones and halves of the day, in the languages that feeds are written in.

use std::borrow::Cow;

use jiff::civil::Weekday;

/// What a word in a date means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Month(i16),
    /// One of two months, by language.
    EitherMonth(i16, i16),
    /// A month in one language, a weekday in another.
    MonthOrDay(i16, Weekday),
    Weekday(Weekday),
    /// The next number is a month.
    MonthMark,
    /// After noon, or before.
    Afternoon(bool),
    /// The same, but only behind the clock time: before it, it is a weekday or means nothing.
    LateHalf(bool, Option<Weekday>),
    /// Minutes east of Greenwich.
    Zone(i16),
    /// Means nothing, but belongs.
    Filler,
}

/// What a word means; in lower case.
pub(super) fn meaning(word: &str) -> Option<Word> {
    if let Some((_, found)) = EXCEPTIONS.iter().find(|(name, _)| *name == word) {
        return Some(*found);
    }
    if let Some(month) = MONTHS
        .iter()
        .position(|names| names.split(' ').any(|name| name == word))
    {
        return i16::try_from(month + 1).ok().map(Word::Month);
    }
    if let Some(day) = WEEKDAYS
        .iter()
        .position(|names| names.split(' ').any(|name| name == word))
    {
        return i8::try_from(day + 1)
            .ok()
            .and_then(|day| Weekday::from_monday_one_offset(day).ok())
            .map(Word::Weekday);
    }
    if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == word) {
        return Some(Word::Zone(*minutes));
    }
    // `Thurs`, `Septem`: English names cut anywhere behind the third letter.
    let begins = |name: &&str| word.len() >= 3 && name.starts_with(word);
    if let Some(month) = ENGLISH_MONTHS.iter().position(begins) {
        return i16::try_from(month + 1).ok().map(Word::Month);
    }
    let day = ENGLISH_DAYS.iter().position(begins)?;
    i8::try_from(day + 1)
        .ok()
        .and_then(|day| Weekday::from_monday_one_offset(day).ok())
        .map(Word::Weekday)
}

/// Vietnamese names its months and days in several words: turned into numbers and single words first.
pub(super) fn without_phrases(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    for (phrase, word) in PHRASES {
        if text.contains(phrase) {
            text = Cow::Owned(text.replace(phrase, word));
        }
    }
    text
}

/// Longer phrases first: `mười một` holds `mười`.
const PHRASES: &[(&str, &str)] = &[
    ("tháng mười một", "tháng 11"),
    ("tháng mười hai", "tháng 12"),
    ("tháng chạp", "tháng 12"),
    ("tháng mười", "tháng 10"),
    ("tháng giêng", "tháng 1"),
    ("tháng một", "tháng 1"),
    ("tháng hai", "tháng 2"),
    ("tháng ba", "tháng 3"),
    ("tháng tư", "tháng 4"),
    ("tháng bốn", "tháng 4"),
    ("tháng năm", "tháng 5"),
    ("tháng sáu", "tháng 6"),
    ("tháng bảy", "tháng 7"),
    ("tháng bẩy", "tháng 7"),
    ("tháng tám", "tháng 8"),
    ("tháng chín", "tháng 9"),
    ("thứ hai", "thứhai"),
    ("thứ ba", "thứba"),
    ("thứ tư", "thứtư"),
    ("thứ năm", "thứnăm"),
    ("thứ sáu", "thứsáu"),
    ("thứ bảy", "thứbảy"),
    ("chủ nhật", "chủnhật"),
    ("chúa nhật", "chủnhật"),
    ("thứ 2", "thứhai"),
    ("thứ 3", "thứba"),
    ("thứ 4", "thứtư"),
    ("thứ 5", "thứnăm"),
    ("thứ 6", "thứsáu"),
    ("thứ 7", "thứbảy"),
    ("μ.μ", "pm"),
    ("π.μ", "am"),
];

const ENGLISH_MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const ENGLISH_DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Words that mean different things in different languages, and words that are neither months nor days.
const EXCEPTIONS: &[(&str, Word)] = &[
    // March in most languages, Tuesday in French, Italian, Spanish and Romanian.
    ("mar", Word::MonthOrDay(3, Weekday::Tuesday)),
    // November in Polish, October in Croatian.
    ("listopada", Word::EitherMonth(11, 10)),
    ("listopad", Word::EitherMonth(11, 10)),
    ("tháng", Word::MonthMark),
    ("th", Word::MonthMark),
    ("thg", Word::MonthMark),
    ("năm", Word::Filler),
    ("ngày", Word::Filler),
    ("lúc", Word::Filler),
    ("t", Word::Filler),
    ("de", Word::Filler),
    ("del", Word::Filler),
    ("of", Word::Filler),
    ("at", Word::Filler),
    ("on", Word::Filler),
    ("the", Word::Filler),
    ("um", Word::Filler),
    ("uhr", Word::Filler),
    ("le", Word::Filler),
    ("à", Word::Filler),
    ("г", Word::Filler),
    ("в", Word::Filler),
    // German's `am 23.11.2026`.
    ("am", Word::LateHalf(false, None)),
    ("a.m.", Word::Afternoon(false)),
    // Saturday in German, morning in Vietnamese.
    ("sa", Word::LateHalf(false, Some(Weekday::Saturday))),
    ("sáng", Word::Afternoon(false)),
    ("上午", Word::Afternoon(false)),
    ("午前", Word::Afternoon(false)),
    ("오전", Word::Afternoon(false)),
    ("pm", Word::Afternoon(true)),
    ("p.m.", Word::Afternoon(true)),
    ("ch", Word::LateHalf(true, None)),
    ("chiều", Word::Afternoon(true)),
    ("tối", Word::Afternoon(true)),
    ("下午", Word::Afternoon(true)),
    ("午後", Word::Afternoon(true)),
    ("오후", Word::Afternoon(true)),
];

/// By month: English is matched by its beginning, so that only other languages and odd short forms stand here.
const MONTHS: [&str; 12] = [
    "jan januar januari janvier janv jän jänner gennaio gen enero ene janeiro januarie ianuarie ian января янв январь \
     січня січ stycznia styczeń sty ledna leden led januára siječnja ocak oca januára tammikuuta tammikuu tammi \
     ιανουαρίου ιαν ιανουάριος január jaan gener gen_ janeiro sausio",
    "feb februar februari février févr fév febbraio febrero fevereiro fev februarie фев февраля февр февраль лютого лют \
     lutego luty lut února únor úno veljače şubat şub helmikuuta helmikuu helmi φεβρουαρίου φεβ február febr febrer vasario",
    "march mars märz mär mrz maart mrt marzo março martie марта мар март березня бер marca marzec března březen bře \
     ožujka mart maaliskuuta maaliskuu maalis μαρτίου μάρ μαρ március márc marts març kovo",
    "apr april avril avr aprile abril abr aprilie апреля апр апрель квітня кві kwietnia kwiecień kwi dubna duben dub \
     travnja nisan nis huhtikuuta huhtikuu huhti απριλίου απρ április ápr balandžio",
    "mai mei maggio mag mayo maio mayıs мая май травня тра maja maj května květen kvě svibnja toukokuuta toukokuu touko \
     μαΐου μαϊ μαΐ május máj maig gegužės",
    "jun juni juin giugno giu junio junho jun_ iunie iun июня июн июнь червня чер czerwca czerwiec cze června červen čvn \
     lipnja haziran haz kesäkuuta kesäkuu kesä ιουνίου ιούν ιουν június jún juny birželio",
    "jul juli juillet juil luglio lug julio julho iulie iul июля июл июль липня лип lipca lipiec lip července červenec čvc \
     srpnja temmuz tem heinäkuuta heinäkuu heinä ιουλίου ιούλ ιουλ július júl juliol liepos",
    "aug august août aoû agosto ago augustus augusti августа авг август серпня сер sierpnia sierpień sie srpna srpen srp \
     kolovoza ağustos ağu elokuuta elokuu elo αυγούστου αύγ αυγ augusztus agost rugpjūčio",
    "sep sept september septembre settembre set septiembre setiembre setembro septembrie сентября сен сент сентябрь вересня \
     вер września wrzesień wrz září zář rujna eylül eyl syyskuuta syyskuu syys σεπτεμβρίου σεπ szeptember szept setembre rugsėjo",
    "oct okt oktober octobre ottobre ott octubre outubro out octombrie октября окт октябрь жовтня жов października \
     październik paź října říjen říj ekim eki lokakuuta lokakuu loka οκτωβρίου οκτ október spalio",
    "nov november novembre novembro noviembre noiembrie noi ноября ноя нояб ноябрь листопада лис listopadu studenoga studeni \
     kasım kas marraskuuta marraskuu marras νοεμβρίου νοέ νοε lapkričio",
    "dec dez dezember december décembre déc dicembre dic diciembre dezembro decembrie декабря дек декабрь грудня гру grudnia \
     grudzień gru prosince prosinec pro prosinca aralık ara joulukuuta joulukuu joulu δεκεμβρίου δεκ desember des desembre gruodžio",
];

/// By weekday, Monday first; only names that no other language uses for another day or month.
const WEEKDAYS: [&str; 7] = [
    "montag lundi lunedì lunes segunda maandag poniedziałek понедельник пн thứhai lun lunedi",
    "dienstag mardi martedì martes terça dinsdag wtorek вторник вт thứba martedi tirsdag",
    "mittwoch mercredi mercoledì miércoles quarta woensdag środa среда ср thứtư mercoledi onsdag",
    "donnerstag jeudi giovedì jueves quinta donderdag czwartek четверг чт thứnăm giovedi torsdag",
    "freitag vendredi venerdì viernes sexta vrijdag piątek пятница пт thứsáu venerdi fredag",
    "samstag samedi sabato sábado zaterdag sobota суббота сб thứbảy",
    "sonntag dimanche domenica domingo zondag niedziela воскресенье вс chủnhật cn",
];

/// In minutes east of Greenwich. Single letters but Z are left out: RFC 822 had them the wrong way round.
const ZONES: &[(&str, i16)] = &[
    ("gmt", 0),
    ("utc", 0),
    ("ut", 0),
    ("z", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("cet", 60),
    ("cest", 120),
    ("met", 60),
    ("mest", 120),
    ("mez", 60),
    ("mesz", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("msd", 240),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("ast", -240),
    ("adt", -180),
    ("nst", -210),
    ("ndt", -150),
    ("brt", -180),
    ("art", -180),
    ("clt", -240),
    ("jst", 540),
    ("kst", 540),
    ("hkt", 480),
    ("sgt", 480),
    ("pht", 480),
    ("ict", 420),
    ("wib", 420),
    ("awst", 480),
    ("aest", 600),
    ("aedt", 660),
    ("acst", 570),
    ("acdt", 630),
    ("nzst", 720),
    ("nzdt", 780),
    ("sast", 120),
    ("eat", 180),
    ("wat", 60),
    ("pkt", 300),
    ("npt", 345),
    ("trt", 180),
];
