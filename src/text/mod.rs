//! From text to tokens and words: tokenizer and NLTK's words.
