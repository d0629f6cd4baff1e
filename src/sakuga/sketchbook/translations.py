"""Times of day and weather in other languages.

They keep planners from contradicting such ideas.
"""

from sakuga.sketchbook.words import Fact, split

TRANSLATIONS: dict[Fact, tuple[str, ...]] = {
    ("time", "dawn"): split(
        "morgens, am morgen, im morgengrauen, morgengrauen, morgendämmerung, sonnenaufgang, bei sonnenaufgang, aube, à l'aube, le matin, "
        "lever du soleil, au lever du soleil, amanecer, al amanecer, alba, all'alba, рассвет, на рассвете, утром"
    ),
    ("time", "day"): split(
        "tagsüber, am tag, bei tag, bei tageslicht, mittags, am mittag, nachmittags, am nachmittag, de jour, en plein jour, à midi, "
        "de día, al mediodía, di giorno, a mezzogiorno, днём, днем, полдень"
    ),
    ("time", "sunset"): split(
        "abends, am abend, abend, abenddämmerung, dämmerung, in der dämmerung, sonnenuntergang, bei sonnenuntergang, le soir, crépuscule, "
        "coucher du soleil, au coucher du soleil, atardecer, al atardecer, anochecer, tramonto, al tramonto, di sera, закат, на закате, "
        "вечером"
    ),
    ("time", "night"): split(
        "nachts, nacht, bei nacht, in der nacht, um mitternacht, mitternacht, mondnacht, nuit, la nuit, de nuit, à minuit, "
        "noche, de noche, por la noche, notte, di notte, ночь, ночью"
    ),
    ("weather", "clear"): split(
        "klarer himmel, bei klarem himmel, wolkenlos, ciel dégagé, ciel clair, cielo despejado, cielo sereno, ясное небо"
    ),
    ("weather", "cloudy"): split("wolken, wolkig, bewölkt, nuages, nuageux, nublado, nubes, nuvoloso, nuvole, облака, облачно"),
    ("weather", "rain"): split(
        "regen, im regen, regnerisch, es regnet, gewitter, sturm, pluie, sous la pluie, il pleut, orage, lluvia, bajo la lluvia, tormenta, "
        "pioggia, sotto la pioggia, temporale, дождь, под дождём, под дождем"
    ),
    ("weather", "snow"): split(
        "schnee, im schnee, verschneit, verschneites, verschneite, verschneiter, es schneit, neige, sous la neige, dans la neige, nieve, "
        "bajo la nieve, neve, sotto la neve, снег, в снегу"
    ),
    ("weather", "fog"): split(
        "nebel, im nebel, neblig, brouillard, brume, dans la brume, niebla, en la niebla, nebbia, nella nebbia, туман, в тумане"
    ),
}
