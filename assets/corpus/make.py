"""Makes the project's own corpus: dialogues and labelled pairs, from sentences written for it.

    python3 make.py        writes train, validation, test and pairs.jsonl beside itself

Python 3 alone is needed; the same files come out each time. The levels of every listener sentence are
known by construction: each belongs to one mechanism and one level (see `Inventory`). In dialogues the
levels follow from the emotion, the turn and a cue in what the speaker just said (see `wanted_levels`),
except in one of ten, so that they can be learned but not perfectly. In labelled pairs all 27 combinations
of levels are equally likely.
"""

import json
import os
import random

from scenes import PEOPLE, SCENES, TIMES

SEED = 20240607
EXAMPLES = {"train": 900, "validation": 150, "test": 150}
POSTS = 300
RESPONSES_PER_POST = 3
NOISE = 0.1

NO, WEAK, STRONG = 0, 1, 2

REACTION_STRONG = {
    True: ["I am so happy for you!", "That makes me really happy!", "I feel so much joy for you!",
           "This truly warms my heart.", "Wow, I am thrilled for you!"],
    False: ["I am so sorry that this happened to you.", "That makes me so sad for you.",
            "Oh no, I feel terrible for you.", "My heart goes out to you.", "I am really worried about you."],
}
REACTION_WEAK = {
    True: ["That sounds lovely.", "That is good to hear.", "Good for you.", "I hope it goes on like this.",
           "How nice."],
    False: ["I hope it gets better.", "I hope you will be okay.", "It will be fine.", "That sounds hard.",
            "I am here for you."],
}
INTERPRETATION_WEAK = ["I understand.", "I know what you mean.", "I can see that.", "That makes sense.",
                       "I get it."]
INTERPRETATION_STRONG = ["You must be feeling really {adj}.", "I was just as {adj} last year, for the same reason."]
EXPLORATION_WEAK = ["What happened then?", "Why is that?", "How so?", "Can you tell me more?", "And now?"]
NEUTRAL = ["It is cold outside today.", "You should drink some tea.", "My aunt lives near there.",
           "I read about that in a book.", "There is a shop for that in town.", "You can look it up later.",
           "Well, that is how it is.", "People say that a lot.", "It is almost time for dinner.",
           "You should write a list."]

# What the speaker adds, by what it asks for: comfort, understanding, or a question about the rest.
CUES = {
    "comfort": {
        True: ["I can't stop smiling!", "I was jumping up and down!", "It is the best thing ever!"],
        False: ["I cried about it for hours.", "It hurts so much.", "I could not sleep at all."],
    },
    "understanding": {
        True: ["Does that make sense to you?", "Maybe only I feel like this.", "I wonder if anybody gets it."],
        False: ["Nobody seems to get it.", "Maybe I am the only one.", "Does that make any sense?"],
    },
    "withheld": {
        True: ["But that is not even all of it.", "There is more to it.", "It is a long story."],
        False: ["But that is not even all of it.", "There is more to it.", "It is a long story."],
    },
    "none": {True: [""], False: [""]},
}
CLOSINGS = {
    True: ["Thank you for listening!", "I just had to tell somebody.", "It is fun to talk about it."],
    False: ["Thank you for listening.", "I just had to tell somebody.", "It helps to talk about it."],
}


class Inventory:
    """What a listener can say in a scene, by mechanism and level."""

    def __init__(self, rng, emotion, scene):
        self.rng = rng
        self.adjective, self.pleasant, _ = SCENES[emotion][:3]
        self.scene = scene
        self.said = set()

    def sentence(self, mechanism, level):
        """One sentence of this level, or none at level 0."""
        if level == NO:
            return None
        _, _, _, interpretations, explorations = self.scene
        if mechanism == 0:
            choices = (REACTION_STRONG if level == STRONG else REACTION_WEAK)[self.pleasant]
        elif mechanism == 1 and level == STRONG:
            general = [text.format(adj=self.adjective) for text in INTERPRETATION_STRONG]
            choices = interpretations * 2 + general
        elif mechanism == 1:
            choices = INTERPRETATION_WEAK
        else:
            choices = explorations if level == STRONG else EXPLORATION_WEAK
        return self.choose(choices)

    def choose(self, choices):
        """One of the sentences, if possible one that was not said in this dialogue."""
        fresh = [text for text in choices if text not in self.said]
        text = self.rng.choice(fresh or choices)
        self.said.add(text)
        return text

    def response(self, levels):
        """An answer of these three levels; a neutral sentence fills what would be bare."""
        said = [self.sentence(mechanism, level) for mechanism, level in enumerate(levels)]
        said = [sentence for sentence in said if sentence]
        if not said:
            said = [self.choose(NEUTRAL) for _ in range(self.rng.choice([1, 2]))]
        elif len(said) == 1 and self.rng.random() < 0.4:
            said.insert(self.rng.randrange(2), self.choose(NEUTRAL))
        elif len(said) == 2 and self.rng.random() < 0.15:
            said.reverse()
        return " ".join(said)


def wanted_levels(rng, emotion, turn, cue):
    """Levels of a good answer: what the speaker's last utterance asks for, at this turn."""
    _, pleasant, personal, _ = SCENES[emotion]
    if turn >= 6:
        levels = [WEAK, NO, NO]
    elif cue == "comfort":
        levels = [STRONG, WEAK if turn >= 4 else NO, NO]
    elif cue == "understanding":
        levels = [WEAK if personal else NO, STRONG, WEAK if turn == 2 else NO]
    elif cue == "withheld":
        levels = [NO, WEAK if personal else NO, STRONG]
    elif turn == 2:
        levels = [STRONG if pleasant and not personal else WEAK, WEAK if personal else NO,
                  NO if personal else WEAK]
    else:
        levels = [NO if pleasant else WEAK, STRONG, NO]
    return [rng.randrange(3) if rng.random() < NOISE else level for level in levels]


def fill(rng, texts):
    """Puts one person and one time into all texts of a dialogue."""
    who, when = rng.choice(PEOPLE), rng.choice(TIMES)

    def one(text):
        return text.replace("{who}", "my " + who).replace("{Who}", "My " + who).replace("{when}", when)

    return [one(text) for text in texts]


def with_cue(rng, text, cue, pleasant):
    """The speaker's words with a cue behind them."""
    return " ".join(part for part in (text, rng.choice(CUES[cue][pleasant])) if part)


def draw_scene(rng):
    emotion = rng.choice(sorted(SCENES))
    scene = rng.choice(SCENES[emotion][3])
    opening, following = fill(rng, [rng.choice(scene[1]), rng.choice(scene[2])])
    return emotion, scene, opening, following


def dialogue(rng):
    """Emotion, situation, first utterance and the examples of one dialogue, without their identifier."""
    emotion, scene, opening, following = draw_scene(rng)
    pleasant = SCENES[emotion][1]
    inventory = Inventory(rng, emotion, scene)
    utterances, examples = [], []
    length = rng.choices([2, 3, 4, 5, 6], [15, 10, 45, 10, 20])[0]
    for turn in range(1, length + 1):
        if turn % 2 == 1:
            cue = rng.choice(sorted(CUES)) if turn < 5 else "none"
            text = [opening, following, rng.choice(CLOSINGS[pleasant])][turn // 2]
            utterances.append(with_cue(rng, text, cue, pleasant))
        else:
            response = inventory.response(wanted_levels(rng, emotion, turn, cue))
            examples.append({"turn": turn, "emotion": emotion, "situation": scene[0],
                             "context": list(utterances), "response": response})
            utterances.append(response)
    return utterances[0], examples


def dialogues(rng):
    """Rows of each split; no dialogue of one split starts like one of another."""
    seen, number = set(), 0
    for split, wanted in EXAMPLES.items():
        rows = []
        while len(rows) < wanted:
            opening, examples = dialogue(rng)
            if opening in seen:
                continue
            seen.add(opening)
            number += 1
            name = f"builtin-{number:04}"
            rows.extend({"conversation": name, **example} for example in examples)
        yield split, rows


def pairs(rng):
    """Labelled pairs; several responses answer one post."""
    seen = set()
    number = 0
    while number < POSTS:
        emotion, scene, opening, following = draw_scene(rng)
        pleasant = SCENES[emotion][1]
        cue = rng.choice(sorted(CUES))
        post = opening if rng.random() < 0.4 else opening + " " + following
        post = with_cue(rng, post, cue, pleasant)
        if post in seen:
            continue
        seen.add(post)
        number += 1
        inventory = Inventory(rng, emotion, scene)
        for place in range(RESPONSES_PER_POST):
            levels = [rng.randrange(3) for _ in range(3)]
            yield {"seeker_id": f"builtin-post-{number:03}",
                   "response_id": f"builtin-response-{number:03}-{place + 1}",
                   "seeker_post": post, "response_post": inventory.response(levels), "levels": levels}


def write(name, rows):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".jsonl")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    rng = random.Random(SEED)
    for split, rows in dialogues(rng):
        write(split, rows)
    write("pairs", pairs(rng))


if __name__ == "__main__":
    main()
