"""Signs that a sentence states a fact: figures, names, times, decisions, refusals, failures.

Words of English, German, French, Spanish and Portuguese; in other languages figures, names and paths are left.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache


def _any(words: str) -> re.Pattern[str]:
    """Any of these words or phrases, separated by line breaks or two spaces; `*` stands for any ending."""
    phrases = [each.strip().replace("*", r"\w*") for each in re.split(r"\s{2,}|\n", words) if each.strip()]
    groups: dict[str, list[str]] = defaultdict(list)
    for phrase in phrases:
        first = "" if phrase.startswith("\\") else phrase[0]
        groups[first].append(phrase.removeprefix(first))
    # By their first letter: of a hundred phrases only those that can match are tried.
    tried = (f"{first}(?:{'|'.join(rest)})" for first, rest in groups.items())
    return re.compile(r"(?<!\w)(?:" + "|".join(tried) + r")(?!\w)", re.IGNORECASE)


CUES: dict[str, re.Pattern[str]] = {
    "decision": _any("""
        decid*  decision*  agreed  agree on  agree to  it was agreed  we'll  let's  we will  go with  going with
        goes with  went with  approve*  approval  chosen  choose  chose  settle*  reject*  ruled out  instead of
        instead  proposal  propose*  noted  from now on  stay  stays  stay with  stick with  sticking with  keep  keeps
        keep the  is out  we take  we use  i'd take  switch*  opt for  opted  pick*  select*  adopt*  accept*  confirm*
        vote*  carried  unanimous*  resolved  resolution  postpone*  defer*  cancel*  assign*  is set to
        go ahead  sign off  signed off  plan is  default*
        beschlossen  beschließ*  entschied*  entscheid*  vereinbar*  einigen uns  einig*  bleib*  ab morgen  festgelegt
        stattdessen  wir nehmen  wir machen  genehmig*  abgelehnt  gewählt  verschoben  bestätig*
        décid*  décision*  convenu  reten*  on garde  on prend  d'accord  choisi*  approuv*  refus*  valid*  adopt*
        reporté*  confirm*  plutôt que
        decid*  decisión  acord*  acuerdo  aprob*  elegi*  rechaz*  quedamos  queda en  en lugar de  en vez de  aplaz*
        confirmad*
        decidi*  decisão  aprov*  combin*  anotado  escolh*  ficou  fica  recus*  em vez de  adiad*
    """),
    "bound": _any("""
        must  mustn't  never  cannot  can not  can't  only  at most  at the most  at least  no more than  not more than
        up to  no later than  at the latest  limit*  deadline  require*  allowed  not allowed  permit*  not permitted
        forbid*  forbidden  prohibit*  mandatory  obligatory  compulsory  maximum  minimum  max  min  budget  below
        above  less than  more than  fewer than  exceed*  has to  have to  had to  need*  should not
        shouldn't  before  until  by the end  not before  not after  nobody  no one  always  without  unless  except
        due  within  strict*  fixed  may not  valid  cap  capped  threshold  tolerance  quota  capacity  expire*
        restrict*  ban  banned  sign*  permission  consent  comply  compliance  law  legal*  contract*  guarantee*
        reserved  as long as  as soon as  in advance
        muss  müssen  musst  darf  dürfen  nie  niemals  höchstens  mindestens  frist  spätestens  verboten  bis zum
        nur  maximal  minimal  erst  grenz*  vorschrift*  pflicht  erlaubt  immer  ohne
        doit  doivent  jamais  au plus  au moins  interdit*  avant  il faut  ne peut pas  ne peuvent pas  maximum
        minimum  limite*  délai  jusqu'*  obligatoire*  toujours  uniquement  seulement  exig*  autoris*
        debe*  nunca  como máximo  al menos  prohibid*  tiene que  tienen que  hay que  límite  antes de  sólo  solo
        máximo  mínimo  plazo  hasta  obligatori*  siempre  exig*  permit*
        deve*  no máximo  pelo menos  prazo  exige*  não pode  não podem  só  até  limite  obrigatóri*  sempre
        proibid*  tem de  têm de  tem que
    """),
    "correction": _any("""
        correct  corrected  correction  actually  in fact  wrong  mistake*  mistaken  misread  misspoke  turns out
        turned out  changed my mind  no longer  changed to  changed from  obsolete  void  revise*  revised  supersed*
        replaces  replaced by  i said  should be  should have been  typo  not as
        falsch  korrektur  korrigier*  tatsächlich  stimmt nicht  verlesen  geirrt  vielmehr  eigentlich
        en fait  erreur  trompé*  et non  corrig*  rectif*  en réalité
        me equivoqu*  corrección  correg*  en realidad  error  rectif*
        correção  corrig*  na verdade  engan*  afinal
    """),
    "failure": _any("""
        fail*  broke  broken  breaks  doesn't work  does not work  didn't work  did not work  didn't help  did not help
        no effect  made it worse  worse  crash*  regression  root cause  caused  cause  causes  because  because of
        timed out  timeout*  due to  owing to  bug  bugs  error*  fault*  defect*  leak*  hang  hangs  hung  stuck  dead
        died  lost  loss  expired  missing  tried  attempt*  gave up  too \\w+  wrongly  twice  worn  slow  slower
        damage*  blocked  corrupt*  overflow*  collapse*  crack*  overheat*  stopped  stops  drift*  contaminat*
        reverted  rolled back  unstable  insufficient  unusable  violat*  problem  flaw*
        fehler*  weil  wegen  ursache  defekt  kaputt  fehlgeschlagen  gescheitert  geht nicht  ging nicht  undicht
        zu \\w+ weil  ausgefallen  schaden
        échou*  échec  panne  parce que  déchir*  cassé*  à cause  trop \\w+  abîm*  fuite*  ne marche pas  manque*
        fallo  falló  fallar*  porque  avería  a causa  demasiado  roto  rota  no funciona  no funcionó
        falh*  causa  por causa  avari*  demasiado  não funciona  não funcionou  estrag*
    """),
    "open": _any("""
        todo  open  open question  pending  unclear  waiting for  awaiting  wait for  next step*  tbd  follow up
        remain*  unresolved  undecided  unknown  whether  not yet  not confirmed  hasn't  haven't  has not  have not
        don't know  don't know yet  nobody knows  still missing  still to do  not settled  not agreed  to be decided
        to be confirmed  to check  to find out  outstanding  left to do  question is  question
        offen  ungeklärt  noch nicht  steht aus  unklar  fehlt noch  klären
        en attente  reste à  reste  à confirmer  pas encore  à vérifier  à décider  on ne sait pas
        pendiente*  falta  queda  queda por  por confirmar  todavía no  aún no  no se sabe
        pendente*  fica por  por confirmar  falta  ainda não  em aberto  não se sabe
    """),
    "made": _any("""
        saved  written to  written up  wrote  stored  merged  committed  commit  deployed  published  uploaded  pushed
        exported  attached  is in  are in  put in  is at  are at  is under  it's in  lies in  lives in  can be found
        filed  entered  branch  ticket  draft  document  spreadsheet  file  folder  notes are  notes  recorded
        documented  archived  report is  results are  version
        gespeichert  gesichert  abgelegt  lege  liegt in  liegen in  steht in  ordner  datei  protokoll
        enregistré*  dans le dossier  dossier  fichier  rangé*  déposé*  classeur
        guardad*  en la carpeta  carpeta  archivo  subido  caso
        na folha  na pasta  guardad*  ficheiro  pasta  gravad*
    """),
    "wish": _any("""
        prefer*  i'd rather  would rather  disagree*  don't agree  object  objects  i object  objection  oppose*
        opposed  against  insist*  dissent*  unfair  concern*  worr*  veto*  reluctant  unhappy  not happy
        don't like  do not like  don't want  do not want  doesn't want  does not want  do not accept  don't accept
        i want  i'd like  wants  would like  on record  refuse*
        lieber  dagegen  bevorzug*  möchte*  will nicht  bedenken  widersprech*
        préfèr*  contre  tiens à  oppos*  voudrais  je ne veux pas
        prefier*  en contra  prefiero  quier*  me opongo
        prefir*  prefere*  contra  quero  não quero
    """),
    "negation": _any("""
        not  no  none  nothing  neither  nor  \\w+n't  nicht  kein*  nichts  pas  aucun*  sans  rien  sin  ningun*  não
        nem  sem  nenhum*
    """),
    "contrast": re.compile(
        r",?\s(?:and\s)?not\s(?:in\s|by\s|the\s|from\s)?[\w.,:]+[.,;]?$|rather than|instead of|\bstatt\b|\bsondern\b"
        r"|\bet non\b|, no \w+|, não \w+|\bno longer\b",
        re.IGNORECASE,
    ),
    "recap": re.compile(
        r"^\W*(?:(?:so|then|thus|also|noted|understood|decision|decided|summary|in short|fix|final\w*"
        r"|correct\w*|rule|new rule|plan|open|proposal|result|conclusion|condition|also gut"
        r"|summing up|to sum up|conclusion|resolved|action|actions|outcome|important|reminder|agreed|confirmed"
        r"|entschieden|beschluss|fazit|also|offen|notiert|dann|donc|alors|noté|entonces|anotado|então|decisión|pendiente"
        r"|pendente)\b)",
        re.IGNORECASE,
    ),
    "hedge": _any("""
        i think  i guess  perhaps  maybe  probably  i suppose  i believe  by the way  i feel  imagine
        roughly speaking
        vielleicht  ich glaube  wohl  peut-être  je crois  quizá*  creo  talvez  acho que
    """),
    "date": re.compile(
        r"\b\d{1,2}(?:st|nd|rd|th|\.º)?\.? (?:of |de |d')?(?:jan|feb|fév|mar|mär|abr|apr|avr|may|mai|maio|jun|juin|jul"
        r"|juil|aug|ago|aoû|sep|set|okt|oct|out|nov|dec|dez|dic|déc)\w*|\b\d{4}-\d\d-\d\d\b|\b\d{1,2}:\d\d\b"
        r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:montag|dienstag|mittwoch|donnerstag|freitag)\b",
        re.IGNORECASE,
    ),
}
FIGURE = re.compile(r"(?<![\w.])[-+]?[$€£]?\d[\d.,:/-]*\d?\s?(?:%|[A-Za-z°µ]{1,5}\b)?")
NAME = re.compile(r"(?<!^)(?<![.!?:] )\b[A-ZÀ-ÖØ-Þ][\w'’-]+|\b[A-Z]{2,}\b")
IDENTIFIER = re.compile(r"`[^`]+`|\b\w+_\w+\b|\b\w+[a-z][A-Z]\w*\b|\b[A-Z]{1,5}-\d+\b|\b\w+-\w*\d\w*\b")
PLACE = re.compile(r"(?<![\w/])[\w.-]+/[\w./-]*\w|\b[\w-]+\.(?:[a-z]{2,5}|json|yaml|parquet)\b(?=\W|$)")
NOISE = re.compile(
    r"^\W*(?:\d\d:\d\d:\d\d\b|tool\b|[$>]\s|step \d+ |[+-]\s|\d+ (?:def|import|from|if|for|return)\b)|={4,}|[{};]\s*$"
)


@lru_cache(maxsize=8192)
def signs_of(text: str) -> frozenset[str]:
    """The names of the signs that a sentence bears."""
    found = {name for name, pattern in CUES.items() if pattern.search(text)}
    found |= {
        name
        for name, is_so in (
            ("figure", bool(FIGURE.search(text))),
            ("name", bool(NAME.search(text))),
            ("identifier", bool(IDENTIFIER.search(text))),
            ("place", bool(PLACE.search(text))),
            ("noise", bool(NOISE.search(text))),
            ("question", text.rstrip("\"')] ").endswith("?")),
        )
        if is_so
    }
    return frozenset(found)
