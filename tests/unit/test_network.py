"""The network's parts: heads in order, pooling over what is there, a wide part that is off until it is fitted."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel

from models.contract import SIGMOID_HEADS, SOFTMAX_HEADS
from tests.unit.tiny_bundle import CATEGORIES, DEPARTMENTS, TinyModel
from training.network import EMBEDDING_SIZE, HEADS, ReportNetwork, head_sizes, keep_layers, mean_pool


@pytest.fixture
def network() -> ReportNetwork:
    torch.manual_seed(0)
    config = BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32,
                        max_position_embeddings=32)
    config._attn_implementation = "eager"
    return ReportNetwork(BertModel(config, add_pooling_layer=False), head_sizes(5, 4), ngrams=6).eval()


def inputs(rows: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(1, 30, (rows, 7), generator=generator), torch.ones(rows, 7, dtype=torch.long),
            torch.randint(0, 6, (rows, 4), generator=generator), torch.rand(rows, 4, generator=generator)]


def test_every_head_has_its_size() -> None:
    sizes = head_sizes(119, 50)
    assert tuple(sizes) == HEADS
    assert set(HEADS) == {*SOFTMAX_HEADS, *SIGMOID_HEADS}
    assert (sizes["category"], sizes["lead"], sizes["co"], sizes["kind"], sizes["territory"]) == (119, 50, 50, 7, 3)


def test_outputs(network: ReportNetwork) -> None:
    out = network(*inputs())
    assert {name: tuple(values.shape) for name, values in out.items()} == {
        **{head: (3, size) for head, size in network.sizes.items()}, "embedding": (3, EMBEDDING_SIZE)}
    torch.testing.assert_close(out["embedding"].norm(dim=-1), torch.ones(3))


def test_splitting_is_in_the_order_of_the_heads(network: ReportNetwork) -> None:
    joined = torch.arange(float(sum(network.sizes.values())))[None]
    assert torch.cat([part for part in network.split(joined).values()], dim=-1).equal(joined)
    assert network.split(joined)["category"].tolist() == [[0, 1, 2, 3, 4]]


def test_the_wide_part_is_silent_until_it_has_a_share(network: ReportNetwork) -> None:
    tokens, mask, ids, weights = inputs()
    torch.nn.init.normal_(network.wide.weight)
    silent, other = network(tokens, mask, ids, weights), network(tokens, mask, ids * 0, weights * 9)
    torch.testing.assert_close(silent["lead"], other["lead"])
    network.wide_share.fill_(1.0)
    assert (network(tokens, mask, ids, weights)["lead"] - other["lead"]).abs().max() > 0.01


def test_shares_weigh_the_two_parts(network: ReportNetwork) -> None:
    tokens, mask, ids, weights = inputs()
    torch.nn.init.normal_(network.wide.weight)
    network.encoder_share.fill_(0.25)
    network.wide_share.fill_(2.0)
    expected = 0.25 * network.deep_logits(network.pooled(tokens, mask)) + 2 * network.wide_logits(ids, weights)
    found = torch.cat([network(tokens, mask, ids, weights)[head] for head in HEADS], dim=-1)
    torch.testing.assert_close(found, expected)


def test_wide_logits_are_a_weighted_sum_and_zero_weights_are_padding(network: ReportNetwork) -> None:
    torch.nn.init.normal_(network.wide.weight)
    torch.nn.init.normal_(network.wide_bias)
    found = network.wide_logits(torch.tensor([[2, 5, 0]]), torch.tensor([[0.5, 2.0, 0.0]]))
    torch.testing.assert_close(found[0], 0.5 * network.wide.weight[2] + 2 * network.wide.weight[5] + network.wide_bias)


def test_mean_pool_reads_the_mask() -> None:
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[5.0], [7.0], [9.0]]])
    assert mean_pool(states, torch.tensor([[1, 1, 0], [1, 1, 1]])).tolist() == [[2.0], [7.0]]
    assert mean_pool(states, torch.zeros(2, 3, dtype=torch.long)).tolist() == [[0.0], [0.0]]


def test_padding_changes_nothing(network: ReportNetwork) -> None:
    tokens, mask, ids, weights = inputs()
    longer = [torch.cat([tokens, torch.full((3, 9), 7)], 1), torch.cat([mask, torch.zeros(3, 9).long()], 1),
              ids, weights]
    for name, values in network(*longer).items():
        torch.testing.assert_close(values, network(tokens, mask, ids, weights)[name], atol=1e-5, rtol=0, msg=name)


def test_a_shallow_encoder_answers_as_the_kept_layers(network: ReportNetwork) -> None:
    tokens, mask, *_ = inputs()
    layers = list(network.encoder.encoder.layer)
    keep_layers(network.encoder, (0, 2))
    assert list(network.encoder.encoder.layer) == [layers[0], layers[2]]
    assert network.encoder.config.num_hidden_layers == 2
    states = network.encoder(tokens, mask, output_hidden_states=True).hidden_states
    assert len(states) == 3
    expected = torch.cat([mean_pool(states[1], mask), mean_pool(states[2], mask)], dim=-1)
    torch.testing.assert_close(network.pooled(tokens, mask), expected, atol=1e-5, rtol=1e-5)


def test_dropout_is_off_in_evaluation_only(network: ReportNetwork) -> None:
    batch = inputs()
    torch.testing.assert_close(network(*batch)["lead"], network(*batch)["lead"])
    network.train()
    assert (network(*batch)["lead"] - network(*batch)["lead"]).abs().max() > 0


def test_the_tiny_network_has_the_bundles_labels(tiny: TinyModel) -> None:
    assert (tiny.network.sizes["category"], tiny.network.sizes["lead"]) == (len(CATEGORIES), len(DEPARTMENTS))
