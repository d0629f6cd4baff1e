"""Filler words of captions, which state nothing about the image."""

from sakuga.sketchbook.words import split

QUALITY = split(
    """
    beautiful, cinematic, masterpiece, trending, peaceful, 4k, 8k, highly detailed, best quality, stunning, award winning, gorgeous,
    dramatic, atmospheric, whimsical, dreamy, magical, nostalgic, cosy mood, wide shot, establishing shot, concept art, wallpaper,
    trending on the gallery, very detailed, sharp focus, lovely, charming, enchanting, mysterious, epic, tranquil, vivid, colourful
    mood, soft colours, pastel colours, warm colours, muted colours, key frame, storyboard, opening scene, final scene, fantasy,
    fairy tale, high resolution, intricate, elegant, poetic, melancholic, hopeful, adventurous, silent, quiet mood, ghibli-style,
    hand drawn feeling
    """
)

STORY = split(
    """
    grandmother's story, once upon a time, long ago, a tale of wonder, the last chapter, memories of summer, a dream of Anna,
    Peter's journey, the song of Maria, a letter to Tom, Emma's adventure, the promise, the long way home, a secret wish, the end,
    chapter one, an old legend, the story begins, Yuki remembers, Kenji's diary, a gift for Lucy, waiting for Hans, the world of
    Mira, in memory of Otto, a quiet moment
    """
)

_EVERYDAY = """
    apple bread butter cheese coffee sugar pepper honey lemon onion potato carrot tomato cherry peach soup cake cookie kitchen table
    chair sofa carpet curtain blanket pillow mirror lamp candle clock watch phone radio camera computer keyboard paper pencil
    notebook letter envelope stamp ticket money coin wallet market shop school teacher student lesson history science music guitar
    piano violin drum singer dancer theatre movie ticket museum library doctor nurse hospital medicine engine wheel bicycle train
    station airport plane driver passenger luggage suitcase hotel restaurant waiter menu dinner breakfast lunch supper plate spoon
    fork knife bottle glass cup bucket basket ladder hammer nail screw rope chain lock key box drawer shelf wall floor ceiling roof
    corner garage garden fence gate dog cat horse cow sheep goat pig rabbit mouse fox wolf bear deer lion tiger monkey elephant
    turtle frog fish spider bee butterfly ant shoulder elbow finger knee ankle tooth tongue heart brain voice whisper shout laugh
    question answer reason idea plan problem promise secret memory wish luck joy fear anger hope courage trust patience wisdom
    silence noise echo rhythm melody colour shape circle square triangle corner edge number zero seven twelve hundred thousand
    minute hour week month year century Monday Friday April October summer autumn spring birthday wedding holiday party present
    prize winner game puzzle chess ball kite doll toy circus clown soldier sailor farmer baker butcher tailor carpenter painter
    writer poet lawyer judge mayor neighbour uncle cousin brother sister friend stranger guest master servant hero giant fairy
    goblin robot rocket planet galaxy comet satellite electricity magnet battery cable button switch signal machine factory office
    meeting contract business company market price tax bank newspaper magazine article chapter page sentence word alphabet grammar
    language translation dictionary poem novel author cotton silk wool leather button pocket sleeve hat glove scarf shoe boot sock
    belt necklace ring diamond iron copper steel plastic rubber marble brick cement glue paint brush soap towel sponge broom dust
    smell taste touch feeling thought dream sleep breath step jump run walk climb carry build break open close begin finish remember
    forget learn teach explain describe choose decide try fail win lose arrive depart wander wait return follow lead quickly slowly
    suddenly always never often maybe together alone somewhere everywhere tomorrow yesterday soon Anna Peter Maria Tom Emma Yuki
    Kenji Lucy Hans Mira Otto Clara Felix Nora Hugo Ines Oscar Rosa Ivan Lena Sofia Max Ella Jonas Aiko Hiro
"""
EVERYDAY = tuple(_EVERYDAY.split())

NEUTRAL = split(
    """
    small, old, little, lonely, quiet, big, distant, pretty, lovely, peaceful, beautiful, simple, strange, tiny, forgotten, hidden,
    charming, silent
    """
)
"""Adjectives that fit any subject or place."""

_NOT_THINGS = """
    kitchen school market shop library hospital station hotel restaurant lesson history science music movie theatre corner wall floor
    ceiling roof garden voice whisper shout laugh question answer reason idea plan problem promise secret memory wish luck
    joy fear anger hope courage trust patience wisdom silence noise echo rhythm melody colour shape circle square triangle edge number
    zero seven twelve hundred thousand minute hour week month year century Monday Friday April October summer autumn spring birthday
    wedding holiday party winner game electricity signal meeting contract business company price tax article chapter sentence word
    alphabet grammar language translation dictionary poem novel author copper steel dust smell taste touch feeling thought dream sleep
    breath step jump run walk climb carry build break open close begin finish remember forget learn teach explain describe choose
    decide try fail win lose arrive depart wander wait return follow lead quickly slowly suddenly always never often maybe together
    alone somewhere everywhere tomorrow yesterday soon Anna Peter Maria Tom Emma Yuki Kenji Lucy Hans Mira Otto Clara Felix Nora Hugo
    Ines Oscar Rosa Ivan Lena Sofia Max Ella Jonas Aiko Hiro lunch dinner supper breakfast iron diamond ring
    key giant watch present bank page paint paper glass marble brick cotton silk wool leather plastic rubber cement
"""
NOT_THINGS = frozenset(_NOT_THINGS.split())
"""Everyday words that name no visible thing: actions, times, names, materials, parts of buildings."""
