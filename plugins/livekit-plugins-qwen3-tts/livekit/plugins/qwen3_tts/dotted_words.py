"""The words of the ten languages that are written with a full stop, by what it can be there.

All tables hold for every text, whatever its language: what is a word of another language (the "no."
of "No. 5", the French "est") stands where it does no harm. Case counts only in "Hr", which is a
gentleman in German and an hour in English.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as one text."""
    return frozenset(text.split())


NEVER = words(
    # English
    "mr mrs ms mx messrs dr prof rev gen col capt lt sgt cpl maj gov sen hon supt st mt vs cf "
    "e.g i.e viz al approx resp sq cu "
    # German
    "Hr fr hrn frl dipl med nr z.b d.h bzw ca evtl ggf inkl exkl zzgl vgl s.o s.u o.g u.a sog "
    "allg einschl z.t z.z z.zt i.d.r u.u v.a i.v i.a m.e a.d hrsg verh kath evang abt tägl "
    "insb bspw jährl wöchentl dr.med dr.jur dr.phil dipl.ing str mio mrd tsd anf "
    # French
    "MM mme mlle mmes mlles mgr pr bd boul ste p.ex c.-à-d à-d env av bât sté "
    # Spanish
    "ee ff.aa admón cra párr párrf sr sra srta sres sras dra dña ud uds vd vds lic ing arq "
    "profa gral avda p.ej ej aprox dpto depto ntra excmo excma ilmo ilma núm dn "
    # Italian
    "sig sigg sig.ra sig.na sigra dott dott.ssa prof.ssa avv geom p.es ades mons on.le spett "
    "egr cfr rag "
    # Portuguese
    "eng exmo exma ilmo pça srs exa "
    # Russian
    "т.е т.к т.н т.о т.ч ул просп пер пл наб бул им проф акад доц тов см ср напр обл г-н г-жа "
    "св зам канд "
)
"""Never the end of a sentence, whatever follows."""

GERMAN = words("gem mind rd bes")
"""Never the end of a sentence in German; words of English."""

BEFORE_A_FIGURE = words(
    "no nos p pp fig figs eq sec ch vol ext art c n nr col v l rm apt ste "
    "tel min max jan feb mar apr jun jul aug sep sept oct nov dec janv févr avr juil déc ene abr "
    "ago dic gen mag giu lug set ott fev mai out dez okt янв февр апр авг сент окт нояб дек s abs "
    "kap bd jg ziff aufl num págs pag pagg cap tít fasc chap núm nº n.º nn fl fls д кв корп "
    "pkwy chs app fußn anm avg máx ap эт под "
    "apto tél matt ps cor exp op hrs int gl par ок ft стр оф рис табл гл п пп ч т тел вып пр с"
)
"""Not the end of a sentence when a figure follows."""

BEFORE_A_SMALL_LETTER = words(
    "etc inc ltd co corp jr sr a.m p.m ph.d b.a m.a b.sc m.sc bros dept est ave blvd rd hwy hrs "
    "oz lb tsp tbsp mins secs gal wks yrs mos yd yds "
    "temp mtg appt tabs ml cu.in sq.in mwst долл pág "
    "hr min max hs seg jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur "
    "thurs fri sat sun usw u.ä o.ä e.v std sek jh geb gest ev hbf zz janv févr avr juil déc ene "
    "abr ago dic gen mag giu lug set ott fev out dez okt lun mié jue vie sáb dom янв февр апр авг "
    "сент окт нояб дек ex hab éd apr.j.-c j.-c av.j.-c s.a s.l a.c d.c pta ptas ecc es s.p.a "
    "ft lbs fl izq dcha mo h шт км кг см мм гл ст s.r.l cia ltda obs др т.д т.п пр н.э г гг "
    "в вв руб коп тыс млн млрд чел мин сек час и.о "
    "до.н.э"
)
"""The end of a sentence only when a capital follows."""

STATES = words("u.s u.s.a u.k u.n e.u u.a.e n.y l.a d.c n.j u.s.s.r ee.uu e.u.a ee.uu.aa с.ш.а ")
"""The end of a sentence only when a word follows that often begins one: "U.S. Army"."""

BEGINNINGS = words(
    "a an the this that these those there here he she it we you they i how what when where who "
    "why which is are was were do does did can could will would should please let if in on at for "
    "from but and so then however after before while as my your his her our their its not no yes "
    "el la los las es en un una yo tú él ella y o al por para"
)
"""Words that often begin a sentence, in lower case."""

MONTHS = words(
    "january february march april may june july august september october november december jan "
    "feb mar apr jun jul aug sep sept oct nov dec"
)
"""English months, in lower case."""

GERMAN_NOUNS = words(
    "januar jänner februar märz april mai juni juli august september oktober november dezember "
    "jahrhundert"
)
"""The nouns that a German ordinal has behind it most often."""

BEFORE_AN_ORDINAL = words(
    "als am vom der die das den dem des zum im bis seit ab beim und jeder jede jedes jedem jeden "
    "mein meine meinen sein seine ihr ihre unser unsere dieser diese dieses diesem diesen unserem "
    "montag dienstag mittwoch donnerstag freitag samstag sonntag"
)
"""Between these and a noun a figure with a full stop is a German ordinal: "am 3. Oktober"."""

GERMAN_BEGINNINGS = words(
    "der die das den dem es er sie wir ich ihr man ein eine dann danach also und aber bitte wenn "
    "da so möchten können haben ist sind soll wollen dort hier heute morgen"
)
"""German words that often begin a sentence, in lower case."""
